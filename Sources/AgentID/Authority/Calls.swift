public import StrictJSON

// Calls as Swift code writes them: arguments as values, tokens as text.
extension Agent {
    /// Asks the authority's own guard, in this process: holding the agent is the proof.
    ///
    /// - Parameters:
    ///   - tool: the tool, byte for byte as its scope names it.
    ///   - arguments: an object, e.g. `["path": "/data/a.csv"]`.
    public func check(tool: String, arguments: JSONTree) throws(AgentIDError) -> Decision {
        try check(tool: tool, arguments: arguments.canonical())
    }

    /// Signs one call (AAT section 7.2).
    ///
    /// - Parameters:
    ///   - tool: the tool, byte for byte as the guard will be asked.
    ///   - arguments: an object, e.g. `["path": "/data/a.csv"]`.
    ///   - audience: the name of the guard that is to accept it; leave it out where somebody forwards the call to it.
    ///   - nonce: where that guard asks for one, what it gave out: see ``Guard/nonce()``.
    public func prove(
        tool: String, arguments: JSONTree, audience: String? = nil, nonce: String? = nil
    ) throws(AgentIDError) -> String {
        try prove(tool: tool, arguments: arguments.canonical(), audience: audience, nonce: nonce)
    }
}

extension Guard {
    /// Decides one call by chain and proof, as they came in a header. Never throws: what cannot be checked is denied.
    ///
    /// - Parameters:
    ///   - chain: grants from the root to the caller's own, joined by `~`.
    ///   - proof: the caller's signature over this call.
    ///   - tool: the tool.
    ///   - arguments: a JSON object, the very bytes that the tool acts on.
    public func check(chain: String, proof: String, tool: String, arguments: [UInt8]) -> Decision {
        check(chain: Array(chain.utf8), proof: Array(proof.utf8), tool: tool, arguments: arguments)
    }
}
