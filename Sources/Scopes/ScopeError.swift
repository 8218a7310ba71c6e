internal import JOSE

/// Why a scope was refused: which tool, which argument, which rule.
public struct ScopeError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The stable name of the rule, in snake case.
    public let name: String
    /// What is wrong, for people.
    public let message: String
    /// The tool at fault.
    public let tool: String?
    /// The argument at fault.
    public let argument: String?
    /// Where in the text, as a byte offset.
    public let position: Int?

    init(_ name: String, _ message: String, tool: String? = nil, argument: String? = nil, position: Int? = nil) {
        (self.name, self.message, self.tool, self.argument, self.position) = (name, message, tool, argument, position)
    }

    func at(tool: String, argument: String? = nil) -> ScopeError {
        ScopeError(name, message, tool: tool, argument: argument ?? self.argument, position: position)
    }

    /// One printable line: tool, argument, message, position.
    public var description: String {
        let place = [tool, argument].compactMap { $0 }.joined(separator: ".")
        let text = (place.isEmpty ? "" : "\(place): ") + message + (position.map { " at byte \($0)" } ?? "")
        return text.printable
    }
}

/// What a scope may hold at most (tokens.md, "Limits").
enum ScopeLimits {
    static let tools = 256
    static let constraints = 64
    static let depth = 32
    static let toolName = 256
    static let value = 4096
    static let members = 1024
}
