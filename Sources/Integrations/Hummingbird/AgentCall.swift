#if Hummingbird
    internal import HTTPTypes

    /// The call that a request is: the tool is its method and path as sent, e.g. `POST /notes/add`, the arguments are its body,
    /// an empty body an empty object. A query would be outside both, and is refused.
    struct AgentCall {
        let tool: String
        let arguments: [UInt8]

        init(_ method: HTTPRequest.Method, _ path: String, body: [UInt8]) throws(Refusal) {
            guard !path.utf8.contains(UInt8(ascii: "?")) else {
                throw Refusal(.badRequest, "call", "a query is not part of the call: send arguments in the body")
            }
            guard path.utf8.first == UInt8(ascii: "/"), !path.utf8.contains(UInt8(ascii: "#")) else {
                throw Refusal(.badRequest, "call", "a call is sent to a path")
            }
            tool = "\(method.rawValue) \(path)"
            arguments = body.isEmpty ? Array("{}".utf8) : body
        }
    }
#endif
