#if Hummingbird
    public import AgentID
    public import HTTPTypes

    // These are names of headers, as anyone can see.
    // swift-format-ignore: NeverForceUnwrap
    extension HTTPField.Name {
        /// The grants from the root to the caller's own, or the reference of a chain that the server knows.
        public static let agentChain = HTTPField.Name("Agent-Chain")!
        /// The caller's signature over this one call.
        public static let agentProof = HTTPField.Name("Agent-Proof")!
        /// In a 401 of a guard that asks for nonces: the nonce for the next proof.
        public static let agentNonce = HTTPField.Name("Agent-Nonce")!
    }

    extension Agent {
        /// The headers that make a request a call of this agent; sent once, with just this body.
        ///
        /// - Parameters:
        ///   - method: The request's method.
        ///   - path: Its path as sent; a query only with routes.
        ///   - body: A JSON object, the call's arguments; empty for a call without any.
        ///   - routes: The server's, if it has any.
        ///   - audience: The name of the guard that is called.
        ///   - isKnown: Whether the server was sent this chain before: then 51 characters name it. A server that does not
        ///     know it answers 428; send the same call once more, with `isKnown` false.
        ///   - nonce: The `Agent-Nonce` of a 401, for the same call once more.
        public func headers(
            for method: HTTPRequest.Method, _ path: String, body: [UInt8] = [], routes: AgentRoutes? = nil,
            audience: String, isKnown: Bool = false, nonce: String? = nil
        ) throws -> HTTPFields {
            let call = try AgentCall(method, path, body: body, routes: routes)
            let shown = try present(tool: call.tool, arguments: call.arguments, audience: audience, nonce: nonce)
            return [.agentChain: isKnown ? try chainReference() : shown.chain, .agentProof: shown.proof]
        }
    }
#endif
