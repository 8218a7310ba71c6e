internal import StrictJSON

/// The answer of a policy to a recorded call.
package struct ReplayVerdict: Sendable {
    package enum Answer: Sendable, Equatable {
        case permit
        case deny
        /// Somebody would have been asked.
        case ask
        /// The agent would have been stopped before.
        case stopped
    }

    /// The answer, with the rule's place in the document and the reason where it is not a permit.
    package internal(set) var answer = Answer.permit
    package internal(set) var rule: Int?
    package internal(set) var reason: StaticString = ""
    /// The first rule that would have denied the call, were it not only observed.
    package internal(set) var observed: (rule: Int, reason: StaticString)?
    /// Whether what the log does not have might change the answer.
    package internal(set) var isOpen = false
    /// The anomaly whose line the denial crossed.
    package internal(set) var stop: (rule: Int, isObserved: Bool)?
}

/// One entry as the log has it, read and waiting for its turn.
struct ReplayRecord {
    enum Kind: UInt8 {
        case permit
        /// Denied by a rule of the policy that was in force then.
        case ruled
        /// The same, and the rule asked somebody who had not consented.
        case asked
        /// Denied before any policy was asked.
        case denied
        case succeeded, failed
        case resumed
        case declassified
    }

    let time: Int64
    let index: UInt64
    let kind: Kind
    /// `nil` for what is told of a call by its ID, and for a caller whose chain was not verified.
    var call: ReplayCall?
    /// The ID of the decision: its process, by number, and its number there.
    var process: UInt32 = 0
    var number: UInt64 = 0
    /// Why it was denied, by number; the agent that was resumed, or that labels were taken away from.
    var text: UInt32 = 0
    /// Labels that the tool reported, or that were taken away.
    var labels: UInt64 = 0
}

/// Texts by numbers: reasons, processes. What comes after the last number is all one text.
struct ReplayNames {
    private var numbers: [ExactText: UInt32] = [:]
    private(set) var texts: [String] = [""]
    private static let most = 1 << 20

    mutating func number(_ text: String) -> UInt32 {
        if let known = numbers[text.exact] { return known }
        guard texts.count < Self.most else { return 0 }
        let number = UInt32(texts.count)
        numbers[text.exact] = number
        texts.append(text)
        return number
    }
}
