/// The reason for refusing a token, a key or an encoding.
public struct JOSEError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The stable name of the rule that was broken, in snake case.
    public let name: String
    /// The fault, as a sentence without a full stop; never a secret, never a token's content.
    public let message: String
    /// The position, as a byte offset into the input; `nil` if no single place is at fault.
    public let position: Int?

    /// An error of this name.
    public init(_ name: String, _ message: String, at position: Int? = nil) {
        self.name = name
        self.message = message
        self.position = position
    }

    /// There is no guarded memory for a secret, which says nothing of the input.
    package static func noMemory(_ what: String) -> JOSEError {
        JOSEError("guarded_memory", "no guarded memory for \(what)")
    }

    package var isOfMemory: Bool { name == "guarded_memory" }

    /// The message and the position, for people.
    public var description: String { position.map { "\(message) at byte \($0)" } ?? message }
}
