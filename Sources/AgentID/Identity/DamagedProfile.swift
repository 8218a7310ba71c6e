public import StrictJSON

/// A stored profile that cannot be read. No agent can be started under it until it is stored again.
public struct DamagedProfile: Sendable {
    /// Its name.
    public let name: String
    /// The reason it cannot be read.
    public let error: AgentIDError

    /// The profile as a document, listed with the readable ones.
    public var tree: JSONTree { ["name": .string(name), "damaged": .string(error.message)] }

    static func error(_ why: String) -> AgentIDError {
        AgentIDError(
            .malformed, name: "profile_damaged", message: "the stored profile cannot be read (\(why)): put it again",
            at: "profile")
    }
}
