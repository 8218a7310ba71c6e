import AgentIDAsync
import AgentIDHummingbird
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Testing

@testable import service

/// A request to a route is a call of its tool, decided by the arguments that its handler is given and by no others.
@Suite struct RoutesTests {
    private static let tools = [
        "GET /users/{id}": "get_user", "DELETE /users/{id}": "delete_user", "GET /files/{name:path}": "read",
        "POST /read?path&limit": "read_text", "POST /rm": "", "GET /": "home",
    ]
    private static let scope = #"""
        get_user(id == "7", full?: *); delete_user(id == "7"); read(name == "q3/a.csv"); home();
        read_text(path under "/data/q3", limit?: *, text?: *); "POST /rm"(path under "/data/q3")
        """#

    private struct Text: Decodable { let text: String? }
    private struct Path: Decodable { let path: String }

    private struct Site: Sendable {
        let agent: Agent
        let client: any TestClientProtocol
        let routes: AgentRoutes

        /// Sends what the agent has proved; the status, and what the handler acted on or the reason of the refusal.
        func send(
            _ method: HTTPRequest.Method, _ path: String, _ body: String = "",
            proved: (method: HTTPRequest.Method, path: String, body: String)? = nil
        ) async throws -> String {
            let shown = proved ?? (method, path, body)
            let headers = try agent.headers(
                for: shown.method, shown.path, body: Array(shown.body.utf8), routes: routes, audience: Service.audience)
            let sent = ByteBuffer(string: body)
            return try await client.execute(uri: path, method: method, headers: headers, body: sent) { answer in
                let text = String(buffer: answer.body)
                let reason = try? JSON(parsing: text).root["reason"]?.string
                return "\(answer.status.code) \(reason ?? text)"
            }
        }
    }

    private func site(_ body: @Sendable (Site) async throws -> Void) async throws {
        var options = Authority.Options()
        options.trustDomain = "acme.example"
        let acme = try await Authority.open(directory: nil, options: options)
        let scope = try Scope(Self.scope)
        try await acme.put(Profile(name: "clerk", owner: "team:books@acme.example", ceiling: scope))
        var guardOptions = Guard.Options()
        guardOptions.audience = Service.audience
        let routes = try AgentRoutes(Self.tools)
        let router = Router(context: Service.Context.self)
        router.group().add(middleware: AgentGuard(try await acme.guarding(guardOptions), routes: routes))
            .get("/") { _, _ in "home" }
            .get("/users/{id}") { request, context in
                "\(try context.parameters.require("id")) \(request.uri.queryParameters["full"] ?? "-")"
            }
            .delete("/users/{id}") { _, context in try context.parameters.require("id") }
            .get("/files/**") { _, context in context.parameters.getCatchAll().joined(separator: "/") }
            .post("/read") { request, context in
                let query = request.uri.queryParameters
                let text = try await request.decode(as: Text.self, context: context).text
                return "\(query["path"] ?? "/") \(query["limit"] ?? "-") \(text ?? "-")"
            }
            .post("/rm") { request, context in try await request.decode(as: Path.self, context: context).path }
        let app = Application(router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)))
        let request = AgentRequest(principal: "user:alice@acme.example", task: "Q3 review", scope: scope)
        try await acme.withAgent(profile: "clerk", request) { agent in
            try await app.test(.live) { try await body(Site(agent: agent, client: $0, routes: routes)) }
        }
    }

    @Test func argumentsAreThoseOfItsHandler() async throws {
        try await site { site in
            let calls: [(HTTPRequest.Method, String, String, String)] = [
                (.get, "/", "", "200 home"), (.get, "/users/7", "", "200 7 -"), (.get, "/users/7?", "", "200 7 -"),
                (.get, "/users/7?full=a%20b%2Bc=d%26", "", "200 7 a b+c=d&"), (.get, "/users/7?full", "", "200 7 "),
                (.get, "/users/7", " { } ", "200 7 -"), (.delete, "/users/7", "", "200 7"),
                (.get, "/files/q3/a.csv", "", "200 q3/a.csv"),
                (.post, "/read?path=/data/q3/a", #"{"text":"x"}"#, "200 /data/q3/a - x"),
                (.post, "/read?path=%2Fdata/q3&limit=5", "{}", "200 /data/q3 5 -"),
                (.post, "/rm", #"{"path":"/data/q3/a"}"#, "200 /data/q3/a"),
                (.get, "/users/8", "", "403 argument_constraint_violated"),
                (.get, "/files/q4/a.csv", "", "403 argument_constraint_violated"),
                (.post, "/read?path=/etc/passwd", "{}", "403 argument_constraint_violated"),
                (.post, "/rm", #"{"path":"/etc"}"#, "403 argument_constraint_violated"),
            ]
            for (method, path, body, answer) in calls {
                let sent = try await site.send(method, path, body)
                #expect(sent == answer, "\(method) \(path) \(body)")
            }
        }
    }

    /// What a handler would not read as it was decided is refused, whatever was proved.
    @Test func argumentThatIsElsewhereIsRefused() async throws {
        try await site { site in
            let calls: [(HTTPRequest.Method, String, String, String)] = [
                (.get, "/users/7", #"{"full":"x"}"#, "400"), (.get, "/users/7?id=7", "", "400"),
                (.get, "/users/7?full=1&full=2", "", "400"), (.get, "/users/7?f%75ll=1", "", "400"),
                (.get, "/users/7?full=a+b", "", "400"), (.get, "/users/7?full=%zz", "", "400"),
                (.get, "/users/7?full=%ff", "", "400"), (.get, "/users/7?full=1;id=8", "", "400"),
                (.get, "/users/7?full=1&", "", "400"), (.get, "/users/%37", "", "400"),
                (.get, "/users//7", "", "403"), (.get, "/users/7/", "", "403"), (.get, "/users/7/8", "", "403"),
                (.get, "/USERS/7", "", "403"), (.head, "/users/7", "", "403"), (.post, "/users/7", "", "403"),
                (.get, "/files/", "", "403"), (.get, "/files/q3//a", "", "403"),
                (.post, "/read", #"{"path":"/data/q3/a"}"#, "400"),
                (.post, "/read?path=/data/q3", #"{"\u006cimit":"1"}"#, "400"),
                (.post, "/read?path=/data/q3&text=x", "{}", "400"), (.post, "/read", "[]", "400"),
                (.post, "/rm?path=/data/q3", "", "400"), (.post, "/rm?path=/data/q3", #"{"path":"/etc"}"#, "400"),
            ]
            for (method, path, body, answer) in calls {
                let sent = try await site.send(method, path, body, proved: (.get, "/users/7", ""))
                // The router answers 404 before it asks the middleware of a group.
                let isRefused = sent.hasPrefix(answer + " ") || answer == "403" && sent.hasPrefix("404 ")
                #expect(isRefused, "\(method) \(path) \(body): \(sent)")
            }
            let twice = try await site.send(
                .post, "/read?path=/data/q3", #"{"path":"/etc"}"#, proved: (.post, "/read?path=/data/q3", "{}"))
            #expect(twice.hasPrefix("4"), "\(twice)")
            #expect(throws: Refusal.self) {
                _ = try site.agent.headers(
                    for: .post, "/rm?path=/data/q3", routes: site.routes, audience: Service.audience)
            }
        }
    }

    @Test func routesThatAreNotWellFormedAreRefused() {
        let texts = [
            "", "GET", "/users", "get /users", "GET users", "GET  /users", "GET /users/", "GET /a//b", "GET /{id",
            "GET /a{id}",
            "GET /{id}/{id}", "GET /{a:path}/b", "GET /{}", "GET /:id", "GET /*", "GET /**", "GET /%41", "GET /é",
            "POST /a?",
            "POST /a?x&x", "POST /a?x&", "POST /{x}?x", "POST /a?x=1", "GET /a b",
        ]
        for text in texts {
            #expect(refusal(of: [text]) == "route", "\(text)")
        }
        for pair in [
            ["GET /users/me", "GET /users/{id}"], ["GET /{a}/b", "GET /c/{d}"], ["GET /{x:path}", "GET /a/b"],
            ["POST /a", "POST /a?x"],
        ] {
            #expect(refusal(of: pair) == "route", "\(pair)")
        }
        #expect(refusal(of: ["GET /users/me", "POST /users/{id}", "GET /users/me/{x}", "GET /{x}"]) == nil)
    }

    private func refusal(of routes: [String]) -> String? {
        let tools = Dictionary(uniqueKeysWithValues: routes.map { ($0, "t") })
        do throws(AgentIDError) { _ = try AgentRoutes(tools) } catch { return error.name }
        return nil
    }
}
