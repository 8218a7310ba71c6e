/// The reason for refusing a proof, note, checkpoint or tile, or for failing to read or write it.
public struct TransparencyLogError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The stable name of the rule that was broken, in snake case.
    public let name: String
    /// The fault, as a sentence without a full stop.
    public let message: String
    /// The file or line at fault; empty if there is none.
    public let place: String

    /// An error of this name.
    public init(_ name: String, _ message: String, at place: String = "") {
        self.name = name
        self.message = message
        self.place = place
    }

    /// The place and the message, for people.
    public var description: String { place.isEmpty ? message : "\(place): \(message)" }
}
