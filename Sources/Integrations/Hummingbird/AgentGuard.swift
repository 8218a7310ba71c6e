#if Hummingbird
    public import AgentID
    public import Hummingbird

    /// Lets through what its guard permits.
    ///
    /// 401: send another chain or a fresh proof; 403: this authority is not enough; 428: send the whole chain once; 400 and 413:
    /// this is not a call; 503: the guard cannot decide now. All as the middleware of the Go and Python bindings answers, so that
    /// clients of either call all three.
    public struct AgentGuard<Context: AgentRequestContext>: RouterMiddleware {
        private let guardian: Guard
        private let maxBody: Int

        /// - Parameters:
        ///   - guardian: Decides each request.
        ///   - maxBody: The longest body that is read, in bytes. A longer one is answered with 413.
        public init(_ guardian: Guard, maxBody: Int = 1 << 20) {
            self.guardian = guardian
            self.maxBody = maxBody
        }

        /// Decides the request, and hands it on with the decision in its context.
        ///
        /// - Throws: ``Refusal``; the errors of `next`.
        public func handle(
            _ request: Request, context: Context, next: (Request, Context) async throws -> Response
        ) async throws -> Response {
            let (chain, proof) = (request.headers[values: .agentChain], request.headers[values: .agentProof])
            guard chain.count <= 1, proof.count <= 1 else {
                throw Refusal(.badRequest, "header", "a chain and a proof are sent once")
            }
            var request = request
            let body: ByteBuffer
            do { body = try await request.collectBody(upTo: maxBody) } catch let error as any HTTPResponseError
                where error.status == .contentTooLarge
            {
                throw Refusal(.contentTooLarge, "body", "a body has at most \(maxBody) bytes")
            }
            let call = try AgentCall(request.method, request.head.path ?? "", body: Array(buffer: body))
            // In memory, in microseconds: nothing here waits.
            let decision = guardian.check(
                chain: chain.first ?? "", proof: proof.first ?? "", tool: call.tool, arguments: call.arguments)
            if let denial = decision.denial { throw Refusal(denial, of: decision) }
            var context = context
            context.decision = decision
            return try await next(request, context)
        }
    }

    /// A context that has the permit under which its request came to its handler.
    public protocol AgentRequestContext: RequestContext {
        /// The decision that let the request through; `nil` on routes without an ``AgentGuard``.
        var decision: Decision? { get set }
    }
#endif
