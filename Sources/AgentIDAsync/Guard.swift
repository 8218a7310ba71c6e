public import AgentID

extension Guard {
    /// A guard that follows the authority kept in a directory, of which it reads the public state only.
    public static func open(directory path: String, _ options: Options) async throws(AgentIDError) -> Guard {
        try await WaitingThreads.run { () throws(AgentIDError) in try open(directory: path, options) }
    }
}
