internal import Policy
internal import Scopes
internal import StrictJSON

/// A policy is refused with a place and a remedy, or is read whole: its canonical form is the same policy, and it can
/// be checked and explained for any call.
///
/// An input is the policy, a tool's name, a call's arguments, and the file of each time zone, with a NUL between them.
struct PolicyTarget: FuzzTarget {
    private static let ceilings = ["*: *", "pay(amount <= 5)", "github.get; github.put"].compactMap { try? Scope($0) }

    func run(_ input: [UInt8]) {
        let parts = input.split(separator: 0, maxSplits: 3, omittingEmptySubsequences: false).map(Array.init)
        let zone = parts.count > 3 ? parts[3] : nil
        let document: PolicyDocument
        do throws(PolicyErrors) { document = try PolicyDocument(parsing: parts[0]) { _ in zone } } catch {
            for error in error.all {
                property(!error.name.isEmpty && !error.message.isEmpty, "an error says what is wrong")
                property(!error.remedy.isEmpty, "an error says what to do")
            }
            check(PolicyReport(error))
            return
        }
        guard let again = try? PolicyDocument(parsing: document.bytes, zones: { _ in zone }) else {
            return property(false, "the canonical form is accepted")
        }
        property(again.bytes == document.bytes, "the canonical form is a fixed point")
        property(again.rules.map(\.id) == document.rules.map(\.id), "the canonical form has the same rules")
        let report = PolicyReport(of: document, ceilings: Self.ceilings)
        check(report)
        for rule in document.rules {
            property(!document.summary(of: rule).isEmpty, "each rule has a summary")
            guard case .hours(let hours) = rule.effect else { continue }
            for now: Int64 in [.min, -1, 0, 1_796_000_000, 1 << 40, .max] { _ = hours.contain(now) }
        }
        guard parts.count > 2, let call = try? JSON(parsing: parts[2]).root, call.kind == .object else { return }
        _ = document.explanation(of: String(decoding: parts[1], as: UTF8.self), call).canonical()
    }

    private func check(_ report: PolicyReport) {
        property((try? JSON(parsing: report.tree.canonical())) != nil, "a report is JSON")
    }
}
