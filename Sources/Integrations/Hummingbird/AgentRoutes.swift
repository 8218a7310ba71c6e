#if Hummingbird
    public import AgentID
    internal import HTTPTypes

    /// The tool of each route of a service:
    /// `AgentRoutes(["GET /users/{id}": "get_user", "POST /read?path&limit": "read"])`.
    ///
    /// A route is a method and a path. `{name}` is one part of it, and `{name:path}`, at the end, all that is left. The arguments of
    /// a call are those values and the fields of the query, as texts, and the members of the body, a JSON object: all that a handler
    /// is given. A GET, HEAD, DELETE, OPTIONS or TRACE has no body with members, and any other method only the fields of a query that
    /// its route names after a question mark. An argument that is elsewhere is refused: the handler would not look for it there. A
    /// name that occurs twice is refused, and so is a path with escapes, which Hummingbird hands on as they stand.
    ///
    /// Immutable, and the same for ``AgentGuard`` and for callers; the routes of the Go and Python ends name the same calls.
    public struct AgentRoutes: Sendable {
        private let routes: [AgentRoute]

        /// - Parameter tools: The tool of each route; a tool without a name is called as its route is written. A route that is not
        ///   here is refused: mount what needs no guard beside the middleware.
        /// - Throws: `route` where one is not well-formed, or where one path could be two routes': which of them the router would
        ///   take is not known here.
        public init(_ tools: [String: String]) throws(AgentIDError) {
            var routes: [AgentRoute] = []
            for (text, tool) in tools.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
                let route = try AgentRoute(text, tool: tool)
                if let other = routes.first(where: { $0.meets(route) }) {
                    throw AgentRoute.refused(text, "it has paths that are also those of \(other.text): let them be one")
                }
                routes.append(route)
            }
            self.routes = routes
        }

        /// The tool and the arguments of a request.
        func call(
            _ method: HTTPRequest.Method, _ target: String, body: [UInt8]
        ) throws(Refusal) -> (tool: String, arguments: [UInt8]) {
            let parts = target.utf8.split(separator: UInt8(ascii: "?"), maxSplits: 1, omittingEmptySubsequences: false)
            let path = Array(parts[0])
            guard path.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "%") }) else {
                throw Refusal(.badRequest, "call", "a path has no escapes: send such a value in the query or the body")
            }
            for route in routes where route.method.utf8.elementsEqual(method.rawValue.utf8) {
                guard var values = route.values(of: path) else { continue }
                let query = parts.count > 1 ? try QueryFields(Array(parts[1])) : QueryFields()
                try route.add(query, to: &values)
                return (route.tool, try route.arguments(values, query, body))
            }
            throw Refusal(.forbidden, "route_without_tool", "no tool is named for this route")
        }
    }
#endif
