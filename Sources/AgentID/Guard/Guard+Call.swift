// Calls as objects: decided when they begin, settled and recorded when they end.
extension Guard {
    /// Permits one call by chain and proof, as received in headers, and begins it; or throws.
    ///
    /// - Parameters:
    ///   - chain: Grants from the root to the caller's own, joined by `~`.
    ///   - proof: The caller's signature over this call.
    ///   - tool: The tool.
    ///   - arguments: A JSON object, the very bytes that the tool acts on.
    ///   - seconds: Within which the call ends, 1 to 2,592,000: from then on what it reserved counts as spent.
    public func begin(
        chain: String, proof: String, tool: String, arguments: [UInt8], within seconds: Int64 = Call.lapse
    ) throws(NotPermitted) -> Call {
        // Else it would be decided for nothing.
        do throws(AgentIDError) { try Call.checked(seconds) } catch { throw .failed(error) }
        return try begin(authorize(chain: chain, proof: proof, tool: tool, arguments: arguments), within: seconds)
    }

    /// Begins the call that this guard has permitted, in whatever form it was presented. One permit is good for one call:
    /// what another one tells of the same reservations is not counted.
    public func begin(_ permit: Permit, within seconds: Int64 = Call.lapse) throws(NotPermitted) -> Call {
        do throws(AgentIDError) { return try Call(permit, of: self, within: seconds) } catch { throw .failed(error) }
    }

    /// Makes one call by chain and proof, or throws: `body` is the tool. The outcome is recorded, and budgets are settled: as
    /// failed where `body` throws.
    public func withCall<Result>(
        chain: String, proof: String, tool: String, arguments: [UInt8], _ body: (Call) throws -> Result
    ) throws -> Result {
        try begin(chain: chain, proof: proof, tool: tool, arguments: arguments).run(body)
    }
}

extension Call {
    /// Runs the tool, and ends the call as that went.
    public func run<Result>(_ tool: (Call) throws -> Result) throws -> Result {
        let result: Result
        do { result = try tool(self) } catch {
            try? leave(failure: Self.failure(error))
            throw error
        }
        try leave(failure: nil)
        return result
    }

    /// Only the error's type: its text may hold what the arguments held.
    package static func failure(_ error: any Error) -> String {
        "failed: \(String(describing: type(of: error)).beginning(atMost: 256))"
    }
}
