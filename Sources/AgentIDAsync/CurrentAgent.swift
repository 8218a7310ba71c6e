public import AgentID

extension Agent {
    /// The agent that the present task acts as, for code that was not handed one. Set within
    /// ``withAgent(_:_:isolation:_:)`` and ``Authority/withAgent(profile:_:isolation:_:)``.
    @TaskLocal public static var current: Agent?
}
