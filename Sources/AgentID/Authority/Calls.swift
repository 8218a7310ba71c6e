public import StrictJSON

// Calls in Swift's own types: arguments as values, tokens as text.
extension Agent {
    /// Asks the authority's own guard, in this process: holding the agent is the proof.
    ///
    /// - Parameters:
    ///   - tool: The tool, byte for byte as its scope names it.
    ///   - arguments: An object, e.g. `["path": "/data/a.csv"]`.
    public func check(tool: String, arguments: JSONTree) throws(AgentIDError) -> Decision {
        try check(tool: tool, arguments: arguments.canonical())
    }

    /// Signs one call (AAT section 7.2).
    ///
    /// - Parameters:
    ///   - tool: The tool, byte for byte as the guard will be asked.
    ///   - arguments: An object, e.g. `["path": "/data/a.csv"]`.
    ///   - audience: The name of the guard that is to accept it; at most 256 bytes; omit it
    ///     if somebody forwards the call to the guard.
    ///   - nonce: The nonce that the guard gave out, if it asks for one, at most 256 bytes: see ``Guard/nonce()``.
    public func prove(
        tool: String, arguments: JSONTree, audience: String? = nil, nonce: String? = nil
    ) throws(AgentIDError) -> String {
        try prove(tool: tool, arguments: arguments.canonical(), audience: audience, nonce: nonce)
    }
}

extension Guard {
    /// Decides one call by its chain and proof, as received in headers. Never throws: a call that cannot be checked is
    /// denied.
    ///
    /// - Parameters:
    ///   - chain: Grants from the root to the caller's own, joined by `~`.
    ///   - proof: The caller's signature over this call.
    ///   - tool: The tool.
    ///   - arguments: A JSON object, the very bytes that the tool acts on.
    public func check(chain: String, proof: String, tool: String, arguments: [UInt8]) -> Decision {
        check(chain: Array(chain.utf8), proof: Array(proof.utf8), tool: tool, arguments: arguments)
    }
}
