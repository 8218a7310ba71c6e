internal import JOSE

/// A budget of one subject and one period.
package struct BudgetAccount: Sendable {
    /// Its name, part by part: the rule, the kind of subject, the subject.
    package let parts: [String]
    /// The SHA-256 of the parts, base64url: each part after its length, so no two accounts have one.
    private let digest: String
    /// In units of the budget's smallest part, as all amounts here.
    package let limit: Int64
    /// When the period began, in milliseconds since 1970; 0 where there is none.
    package let period: Int64
    /// Until when anything can be spent of it, in milliseconds since 1970.
    package let until: Int64
    /// Whose end makes it needless; `nil` where that of no agent of this authority does.
    let agent: String?
    /// Says where its meter may stand; `nil`: anywhere.
    let share: MeterShare?

    /// - Parameters:
    ///   - length: of a period, in milliseconds: periods begin with 1970; `nil` for one that never ends.
    ///   - end: where there is no period: until when its subject can call.
    package init(
        _ parts: [String], limit: Int64, length: Int64?, end: Int64, at time: MeterTime, of agent: String? = nil
    ) {
        self.init(parts, limit: limit, length: length, end: end, at: time, of: agent, share: nil)
    }

    init(
        _ parts: [String], limit: Int64, length: Int64?, end: Int64, at time: MeterTime, of agent: String?,
        share: MeterShare?, digest: String? = nil
    ) {
        (self.parts, self.limit, self.agent, self.share) = (parts, max(limit, 0), agent, share)
        self.digest = digest ?? Self.digest(of: parts)
        guard let length, length > 0 else {
            (period, until) = (0, end)
            return
        }
        period = time.milliseconds - time.milliseconds % length
        until = period.addingReportingOverflow(length).partialValue
    }

    /// The name of its counters in the registry: of one length, whatever its parts are called.
    var name: String { "\(digest)@\(period)" }

    static func digest(of parts: [String]) -> String {
        let text = Array(parts.map { "\($0.utf8.count):\($0)" }.joined().utf8)
        return Base64URL.encode(Sodium.sha256(text.span))
    }

    /// When its counters are needless, whoever lives on.
    var countedUntil: Int64 { period == 0 ? .max : until }
}
