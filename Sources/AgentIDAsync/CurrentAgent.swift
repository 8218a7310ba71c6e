public import AgentID

extension Agent {
    /// The agent that the present task acts as: set within ``withAgent(_:_:isolation:_:)`` and
    /// ``Authority/withAgent(profile:_:isolation:_:)``, for code that was not handed one.
    @TaskLocal public static var current: Agent?
}
