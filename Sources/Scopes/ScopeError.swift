package import StrictJSON

/// The reason for refusing a scope: the tool, the argument, the rule.
public struct ScopeError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The stable name of the rule, in snake case.
    public let name: String
    /// The fault, for people.
    public let message: String
    /// The tool at fault.
    public let tool: String?
    /// The argument at fault.
    public let argument: String?
    /// The position in the text, as a byte offset.
    public let position: Int?

    init(_ name: String, _ message: String, tool: String? = nil, argument: String? = nil, position: Int? = nil) {
        (self.name, self.message, self.tool, self.argument, self.position) = (name, message, tool, argument, position)
    }

    func at(tool: String? = nil, argument: String? = nil) -> ScopeError {
        ScopeError(name, message, tool: tool ?? self.tool, argument: argument ?? self.argument, position: position)
    }

    /// Whether the reason is that no value satisfies a constraint.
    var isEmptyIntersection: Bool { name.isExactly("empty_intersection") }

    /// Whether a budget was exhausted; no later error may hide this.
    package var isTooCostly: Bool { name.isExactly(Self.tooCostly.name) }

    /// One printable line: tool, argument, message, position.
    public var description: String {
        let place = [tool, argument].compactMap { $0 }.joined(separator: ".")
        let text = (place.isEmpty ? "" : "\(place): ") + message + (position.map { " at byte \($0)" } ?? "")
        return text.printable
    }
}

extension ScopeError {
    /// An exhausted budget, as an error where there is no call to deny.
    static let tooCostly = ScopeError(
        "too_costly", "this takes more work than one operation is given: write fewer, shorter or simpler constraints")
}

/// The limits of a scope (tokens.md, "Limits").
package enum ScopeLimits {
    static let tools = 256
    static let constraints = 64
    static let depth = 32
    static let toolName = 256
    static let value = 4096
    static let members = 1024
    /// The work that reading, comparing or intersecting two scopes may take, or one call, in steps: some 15 ms.
    package static let steps = 4_000_000
    /// The limits on the arguments of one call: 1 MiB, and at most 65,536 values and names, since each costs more to
    /// read, compare and write than its bytes.
    package static let arguments = JSON.Limits(bytes: 1 << 20, values: 1 << 16)
}
