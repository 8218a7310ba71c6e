#if Hummingbird
    public import AgentID
    public import Hummingbird

    /// Lets through what its guard permits. A request is one call, which ends with its answer.
    ///
    /// The call ends before the last part of the answer is written, or before the first of an error, and its outcome is
    /// recorded: it failed, and budgets come back as far as their rules say so, where a handler throws or answers 4xx or 5xx. A
    /// client that goes away before gets nothing back. A middleware outside of this one that puts another body into an answer
    /// leaves the call without an end: what it reserved then counts as spent.
    ///
    /// 401: send another chain or a fresh proof; 403: this authority is not enough; 428: send the whole chain once; 400, 413
    /// and 415: this is not a call; 503: the guard cannot decide now. All as the middleware of the Go and Python bindings answers, so that
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

        /// Decides the request, and hands it on with its call in the context.
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
            let asked = try AgentCall(
                request.method, request.head.path ?? "", body: Array(buffer: body),
                types: request.headers[values: .contentType])
            let call: Call
            // In memory, in microseconds: nothing here waits.
            do throws(NotPermitted) {
                call = try guardian.begin(
                    chain: chain.first ?? "", proof: proof.first ?? "", tool: asked.tool, arguments: asked.arguments)
            } catch { throw Refusal(error) }
            var context = context
            context.call = call
            let answered = AnsweredCall(call, logger: context.logger)
            let response: Response
            do { response = try await next(request, context) } catch {
                answered.failed(error)
                throw error
            }
            return answered.ended(by: response, to: request.method)
        }
    }

    /// A context that has the call that its request is.
    public protocol AgentRequestContext: RequestContext {
        /// The call, to tell its cost and labels; `nil` on routes without an ``AgentGuard``.
        var call: Call? { get set }
    }

    extension AgentRequestContext {
        /// The decision that let the request through; `nil` on routes without an ``AgentGuard``.
        public var decision: Decision? { call?.decision }
    }
#endif
