#if Hummingbird
    internal import AgentID
    public import HTTPTypes
    public import Hummingbird

    /// The answer to a request that was not let through, as JSON: `reason`, `message`, and where there are such `argument`,
    /// `link` and `decision`, its ID in the audit log. Never the value of an argument.
    public struct Refusal: HTTPResponseError {
        /// The status of the answer, as the list of reasons has it.
        public let status: HTTPResponse.Status
        private var headers: HTTPFields = [.contentType: "application/json", .cacheControl: "no-store"]
        private var members: JSONTree.Members

        init(_ status: HTTPResponse.Status, _ reason: String, _ message: String) {
            self.status = status
            members = ["reason": .string(reason), "message": .string(message)]
        }

        /// - Parameter guardian: Gives a nonce where the proof wants one.
        init(_ error: NotPermitted, by guardian: Guard) {
            guard case .denied(let decision) = error, let denial = decision.denial else {
                // Whatever a client sends is decided: this is ours.
                self.init(.serviceUnavailable, "internal", "the guard could not decide")
                return
            }
            self.init(denial)
            if !decision.id.isEmpty { members["decision"] = .string(decision.id) }
            if Self.curedByNonce.contains(denial.reason), let nonce = try? guardian.nonce() {
                headers[.agentNonce] = nonce
            }
        }

        private static let curedByNonce: Set<Reason> = [
            Reason(rawValue: "nonce_required"), Reason(rawValue: "nonce_invalid"),
        ]

        init(_ denial: Denial) {
            let place = denial.place.isEmpty ? "" : " (\(denial.place))"
            self.init(
                HTTPResponse.Status(code: denial.reason.httpStatus), denial.reason.rawValue, denial.message + place)
            if let argument = denial.argument { members["argument"] = .string(argument) }
            if let link = denial.link { members["link"] = .int(link) }
            if let challenge = denial.reason.challenge { headers[.wwwAuthenticate] = challenge }
            // In whole seconds, and never too early.
            if let wait = denial.retryAfter, wait > 0 { headers[.retryAfter] = String((wait - 1) / 1000 + 1) }
        }

        /// The answer, with `WWW-Authenticate` where another chain or proof would cure it, and `Retry-After` where time would.
        public func response(from request: Request, context: some RequestContext) -> Response {
            Response(
                status: status, headers: headers,
                body: ResponseBody(byteBuffer: ByteBuffer(string: JSONTree.object(members).text + "\n")))
        }
    }
#endif
