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
    /// A client whose chain is not known here (428) may introduce it: the chain alone, as a body of the type
    /// `application/agent-chain`, in a POST to a path that this middleware is before; the answer is 204.
    ///
    /// 401: send another chain or a fresh proof, with the nonce of its `Agent-Nonce` where it has one; 403: this authority is not
    /// enough; 428: send the whole chain once; 400, 413 and 415: this is not a call; 503: the guard cannot decide now. All as the
    /// middleware of the Go and Python bindings answers, so that clients of either call all three.
    public struct AgentGuard<Context: AgentRequestContext>: RouterMiddleware {
        private let guardian: Guard
        private let routes: AgentRoutes?
        private let maxBody: Int

        /// - Parameters:
        ///   - guardian: Decides each request.
        ///   - routes: The tool of each route, with the arguments in path, query and body. Without them a request's tool is its
        ///     method and path as sent, and its arguments are its body.
        ///   - maxBody: The longest body that is read, in bytes. A longer one is answered with 413.
        public init(_ guardian: Guard, routes: AgentRoutes? = nil, maxBody: Int = 1 << 20) {
            self.guardian = guardian
            self.routes = routes
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
            let types = request.headers[values: .contentType]
            if request.method == .post, types.count == 1, Self.introduction.utf8.elementsEqual(types[0].utf8) {
                return try introduce(try await Self.body(of: &request, upTo: Self.longestChain))
            }
            let asked = try AgentCall(
                request.method, request.head.path ?? "", body: try await Self.body(of: &request, upTo: maxBody),
                types: types, routes: routes)
            let call: Call
            // In memory, in microseconds: nothing here waits.
            do throws(NotPermitted) {
                call = try guardian.begin(
                    chain: chain.first ?? "", proof: proof.first ?? "", tool: asked.tool, arguments: asked.arguments)
            } catch { throw Refusal(error, by: guardian) }
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

    extension AgentGuard {
        /// The type of a body that is a chain, and nothing else.
        private static var introduction: String { "application/agent-chain" }
        private static var longestChain: Int { 256 << 10 }

        private static func body(of request: inout Request, upTo most: Int) async throws -> [UInt8] {
            do { return Array(buffer: try await request.collectBody(upTo: most)) } catch let error
                as any HTTPResponseError
                where error.status == .contentTooLarge
            {
                throw Refusal(.contentTooLarge, "body", "a body has at most \(most) bytes")
            }
        }

        /// Verifies a chain that comes as a body, so that its reference is known afterwards: no header has to have room for it.
        private func introduce(_ chain: [UInt8]) throws -> Response {
            do { _ = try guardian.admit(chain: chain) } catch { throw Refusal(error) }
            return Response(status: .noContent)
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
