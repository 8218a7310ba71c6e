public import StrictJSON

/// A stored profile that cannot be read: no agent is started under it until it is put again.
public struct DamagedProfile: Sendable {
    /// Its name.
    public let name: String
    /// Why it cannot be read.
    public let error: AgentIDError

    /// The profile as a document, beside those that can be read.
    public var tree: JSONTree { ["name": .string(name), "damaged": .string(error.message)] }

    static func error(_ why: String) -> AgentIDError {
        AgentIDError(
            .malformed, name: "profile_damaged", message: "the stored profile cannot be read (\(why)): put it again",
            at: "profile")
    }
}
