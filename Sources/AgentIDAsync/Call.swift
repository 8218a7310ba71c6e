public import AgentID
public import StrictJSON

// Calls whose tools wait. What begins and ends a call takes microseconds, so it runs where the tool does.
extension Agent {
    /// Makes one call of this agent with a tool that waits, or throws. See AgentID's own call.
    public func withCall<Result>(
        tool: String, arguments: JSONTree, isolation: isolated (any Actor)? = #isolation,
        _ body: (Call) async throws -> Result
    ) async throws -> Result {
        try await begin(tool: tool, arguments: arguments).run(body)
    }
}

extension Guard {
    /// Makes one call by chain and proof with a tool that waits, or throws. See AgentID's own call.
    public func withCall<Result>(
        chain: String, proof: String, tool: String, arguments: [UInt8], isolation: isolated (any Actor)? = #isolation,
        _ body: (Call) async throws -> Result
    ) async throws -> Result {
        try await begin(chain: chain, proof: proof, tool: tool, arguments: arguments).run(body)
    }
}

extension Call {
    /// Runs a tool that waits, and ends the call as that went.
    public func run<Result>(
        isolation: isolated (any Actor)? = #isolation, _ tool: (Call) async throws -> Result
    ) async throws -> Result {
        let result: Result
        do { result = try await tool(self) } catch {
            try? leave(failure: Self.failure(error))
            throw error
        }
        try leave(failure: nil)
        return result
    }
}
