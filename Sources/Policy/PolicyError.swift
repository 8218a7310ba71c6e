internal import StrictJSON

/// Why a policy was refused: where, in which rule, what is wrong, and what to write instead.
///
/// An object: the readers of a policy pass it on at a hundred places, each of which would copy five texts.
package final class PolicyError: Error, Sendable, CustomStringConvertible {
    /// The stable name of what is wrong, in snake case.
    package let name: String
    /// The member at fault, e.g. `rules[3].rate.per`; empty for the document.
    package let path: String
    /// The ID of the rule at fault; `nil` where none is, or it has none that can be read.
    package let rule: String?
    /// The fault.
    package let message: String
    /// The remedy.
    package let remedy: String
    /// Where in the document, as a byte offset.
    package let position: Int?

    package init(
        _ name: String, at path: String, rule: String? = nil, _ message: String, remedy: String, position: Int?
    ) {
        (self.name, self.path, self.rule) = (name, path, rule)
        (self.message, self.remedy, self.position) = (message, remedy, position)
    }

    func of(rule: String?) -> PolicyError {
        PolicyError(name, at: path, rule: self.rule ?? rule, message, remedy: remedy, position: position)
    }

    /// One printable line: path, rule, message, remedy, position.
    package var description: String {
        let place = path.isEmpty ? "" : "\(path): "
        let rule = rule.map { "rule \($0): " } ?? ""
        let text = place + rule + "\(message); \(remedy)" + (position.map { " (byte \($0))" } ?? "")
        return text.printable
    }
}

/// Everything that is wrong with a policy, as far as it was read: at least one error, the first of each rule.
package struct PolicyErrors: Error, Sendable, CustomStringConvertible {
    /// In the order of the document; at most 100.
    package let all: [PolicyError]

    /// The most errors that are reported.
    static let most = 100

    package init(_ first: PolicyError, _ others: [PolicyError] = []) {
        all = Array(([first] + others).prefix(Self.most))
    }

    /// The first of them.
    package var first: PolicyError { all[0] }

    /// Each on a line of its own.
    package var description: String { all.map(\.description).joined(separator: "\n") }
}
