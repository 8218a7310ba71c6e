public import AgentID

// Decisions for an audit log that syncs every line (`AuditOptions.Sync.always`): each waits for a disk. Otherwise a
// decision takes microseconds, and `check` and `authorize` are the calls.
extension Guard {
    /// Decides one call as `check` does, on the library's threads: for an audit log that syncs every line.
    public func checkDurably(
        chain: [UInt8], proof: [UInt8], tool: String, arguments: [UInt8]
    ) async -> Decision {
        await WaitingThreads.run { check(chain: chain, proof: proof, tool: tool, arguments: arguments) }
    }

    /// Decides one call under an admitted chain as `check` does, on the library's threads.
    public func checkDurably(
        _ admission: Admission, proof: [UInt8], tool: String, arguments: [UInt8]
    ) async -> Decision {
        await WaitingThreads.run { check(admission, proof: proof, tool: tool, arguments: arguments) }
    }

    /// Permits one call as `authorize` does, or throws, on the library's threads.
    @discardableResult
    public func authorizeDurably(
        chain: [UInt8], proof: [UInt8], tool: String, arguments: [UInt8]
    ) async throws(NotPermitted) -> Permit {
        try await WaitingThreads.run { () throws(NotPermitted) in
            try authorize(chain: chain, proof: proof, tool: tool, arguments: arguments)
        }
    }

    /// Permits one call under an admitted chain as `authorize` does, or throws, on the library's threads.
    @discardableResult
    public func authorizeDurably(
        _ admission: Admission, proof: [UInt8], tool: String, arguments: [UInt8]
    ) async throws(NotPermitted) -> Permit {
        try await WaitingThreads.run { () throws(NotPermitted) in
            try authorize(admission, proof: proof, tool: tool, arguments: arguments)
        }
    }
}

extension Agent {
    /// Asks the authority's own guard as `check` does, on the library's threads: for an audit log that syncs every line.
    public func checkDurably(tool: String, arguments: [UInt8]) async throws(AgentIDError) -> Decision {
        try await WaitingThreads.run { () throws(AgentIDError) in try check(tool: tool, arguments: arguments) }
    }

    /// Permits one call of this agent as `authorize` does, or throws, on the library's threads.
    @discardableResult
    public func authorizeDurably(tool: String, arguments: [UInt8]) async throws(NotPermitted) -> Permit {
        try await WaitingThreads.run { () throws(NotPermitted) in try authorize(tool: tool, arguments: arguments) }
    }
}
