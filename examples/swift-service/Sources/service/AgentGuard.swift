import AgentID
import HTTPTypes
import Hummingbird

/// Lets through what its guard permits. Copy this file and AgentCall.swift into a service of your own.
///
/// 401: send another chain or a fresh proof; 403: this authority is not enough; 400 and 413: this is not a call; 503: the guard
/// cannot decide now. All as the middleware of the Go binding answers, so that clients of either call both.
struct AgentGuard<Context: AgentRequestContext>: RouterMiddleware {
    let guardian: Guard
    /// How long a body may be, in bytes.
    var maxBody = 1 << 20

    func handle(
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
protocol AgentRequestContext: RequestContext {
    var decision: Decision? { get set }
}

/// The answer to a request that was not let through, as JSON: `reason`, `message`, and where there are such `argument`, `link`
/// and `decision`, its ID in the audit log. Never the value of an argument.
struct Refusal: HTTPResponseError {
    let status: HTTPResponse.Status
    private var headers: HTTPFields = [.contentType: "application/json"]
    private var members: JSONTree.Members

    init(_ status: HTTPResponse.Status, _ reason: String, _ message: String) {
        self.status = status
        members = ["reason": .string(reason), "message": .string(message)]
    }

    init(_ denial: Denial, of decision: Decision) {
        let reason = denial.reason.rawValue
        let place = denial.place.isEmpty ? "" : " (\(denial.place))"
        self.init(.init(code: denial.reason.httpStatus), reason, denial.message + place)
        if let argument = denial.argument { members["argument"] = .string(argument) }
        if let link = denial.link { members["link"] = .int(link) }
        if !decision.id.isEmpty { members["decision"] = .string(decision.id) }
        headers[.wwwAuthenticate] = denial.reason.challenge
    }

    func response(from request: Request, context: some RequestContext) -> Response {
        Response(
            status: status, headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(string: JSONTree.object(members).text + "\n")))
    }
}
