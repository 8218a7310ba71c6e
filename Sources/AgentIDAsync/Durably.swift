public import AgentID

// Decisions where the audit log syncs every line (`AuditOptions.Sync.always`): there each waits for a disk. Elsewhere they are
// a matter of microseconds, and `authorize` is the call.
extension Guard {
    /// Decides one call as `authorize` does, on the library's threads: for an audit log that syncs every line.
    public func authorizeDurably(
        chain: [UInt8], proof: [UInt8], tool: String, arguments: [UInt8]
    ) async -> Decision {
        await WaitingThreads.run { authorize(chain: chain, proof: proof, tool: tool, arguments: arguments) }
    }

    /// Decides one call under an admitted chain as `authorize` does, on the library's threads.
    public func authorizeDurably(
        _ admission: Admission, proof: [UInt8], tool: String, arguments: [UInt8]
    ) async -> Decision {
        await WaitingThreads.run { authorize(admission, proof: proof, tool: tool, arguments: arguments) }
    }
}

extension Agent {
    /// Asks the authority's own guard as `authorize` does, on the library's threads: for an audit log that syncs every line.
    public func authorizeDurably(tool: String, arguments: [UInt8]) async throws(AgentIDError) -> Decision {
        try await WaitingThreads.run { () throws(AgentIDError) in try authorize(tool: tool, arguments: arguments) }
    }
}
