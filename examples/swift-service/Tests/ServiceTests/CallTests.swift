import AgentIDAsync
import AgentIDHummingbird
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Testing

@testable import service

/// A request is a call: it ends with its answer, once, gives its budget back where it failed, and its outcome is in the log.
@Suite struct CallTests {
    private static let pay = Array(#"{"usd":"6"}"#.utf8)
    private static let policy = #"""
        {"version":1,"labels":["private"],"rules":[{"id":"spend","match":"\"POST /pay\"","budget":
        {"unit":"usd","limit":"10","cost":{"argument":"usd"},"per":"day","for":"agent"}}]}
        """#

    private struct Broken: Error { let secret = "hunter2" }

    /// An agent with a budget of 10, and a service of which only the handler is another in each test.
    private struct World: Sendable {
        let directory: String
        let acme: Authority
        let agent: Agent
        let client: any TestClientProtocol

        func headers(_ method: HTTPRequest.Method = .post) throws -> HTTPFields {
            try agent.headers(for: method, "/pay", body: body(method), audience: Service.audience)
        }

        private func body(_ method: HTTPRequest.Method) -> [UInt8] { method == .post ? CallTests.pay : [] }

        /// The status of the answer, after it was read to its end.
        @discardableResult
        func send(_ method: HTTPRequest.Method = .post) async throws -> Int {
            let body = ByteBuffer(bytes: body(method))
            return try await client.execute(uri: "/pay", method: method, headers: headers(method), body: body) {
                $0.status.code
            }
        }

        func left() throws -> String? {
            try JSON(parsing: agent.remaining().text).root["budgets"]?.elements.map { $0 }.first?["left"]?.string
        }

        func outcomes() async throws -> [String] {
            try await acme.integrate()
            return try await AuditReader(authority: directory).entries(from: 0).compactMap { line in
                let entry = try JSON(parsing: String(decoding: line, as: UTF8.self)).root
                return entry["kind"]?.string == "outcome" ? entry["outcome"]?.string : nil
            }
        }
    }

    private func world(
        _ handler: @escaping @Sendable (Request, Service.Context) async throws -> Response,
        _ body: @escaping @Sendable (World) async throws -> Void
    ) async throws {
        let directory = FileManager.default.temporaryDirectory.path + "/" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: directory) }
        var options = Authority.Options()
        options.trustDomain = "acme.example"
        let acme = try await Authority.open(directory: directory, options: options)
        let scope = try Scope(#""POST /pay"(usd: *); "HEAD /pay"()"#)
        try await acme.put(Profile(name: "clerk", owner: "team:books@acme.example", ceiling: scope))
        try await acme.applyPolicy(Array(Self.policy.utf8))
        var guardOptions = Guard.Options()
        guardOptions.audience = Service.audience
        let router = Router(context: Service.Context.self)
        router.group().add(middleware: AgentGuard(try await acme.guarding(guardOptions)))
            .post("/pay", use: handler).head("/pay", use: handler)
        let app = Application(router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)))
        let request = AgentRequest(principal: "user:alice@acme.example", task: "Q3 review", scope: scope)
        try await acme.withAgent(profile: "clerk", request) { agent in
            try await app.test(.live) {
                try await body(World(directory: directory, acme: acme, agent: agent, client: $0))
            }
        }
    }

    /// A stream of two parts, with its length or without, and with what comes between them.
    private static func stream(
        _ length: Int?, then between: @escaping @Sendable () async throws -> Void = {}
    ) -> Response {
        Response(
            status: .ok,
            body: ResponseBody(contentLength: length) { writer in
                try await writer.write(ByteBuffer(string: "a"))
                try await between()
                try await writer.write(ByteBuffer(string: "b"))
                try await writer.finish(nil)
            })
    }

    @Test func requestThatSucceededHasSpent() async throws {
        let answers: [@Sendable () -> Response] = [
            { Response(status: .created, body: ResponseBody(byteBuffer: ByteBuffer(string: "paid"))) },
            { Response(status: .noContent) }, { Response(status: .found) }, { Self.stream(2) }, { Self.stream(nil) },
        ]
        for answer in answers {
            try await world { _, _ in
                answer()
            } _: { world in
                let status = try await world.send()
                #expect(status < 400)
                #expect(try world.left() == "4")
                #expect(try await world.send() == 403)
                #expect(try await world.outcomes() == ["succeeded"])
            }
        }
    }

    @Test func requestThatFailedGivesItsBudgetBack() async throws {
        let answers: [(String, @Sendable () throws -> Response)] = [
            ("failed: status 500", { Response(status: .internalServerError) }),
            ("failed: status 404", { Response(status: .notFound) }),
            ("failed: status 422", { throw HTTPError(.unprocessableContent) }),
            ("failed: Broken", { throw Broken() }),
        ]
        for (outcome, answer) in answers {
            try await world { _, _ in
                try answer()
            } _: { world in
                for _ in 0..<3 {  // the budget has room for one of them
                    let status = try await world.send()
                    #expect(status >= 400 && status != 403)
                }
                #expect(try world.left() == "10")
                #expect(try await world.outcomes() == [outcome, outcome, outcome])
            }
        }
    }

    @Test func handlerTellsWhatItsCallCostsAndLabelsIt() async throws {
        try await world { _, context in
            let call = try #require(context.call)
            #expect(context.decision?.id == call.decision.id)
            try call.cost("1.00", in: "usd")
            try call.labels(["private"])
            return Self.stream(nil) { try call.cost("2.00", in: "usd") }
        } _: { world in
            let status = try await world.send()
            #expect(status == 200)
            #expect(try world.left() == "8")
            #expect(try world.agent.remaining().text.contains(#""private""#))
        }
    }

    @Test func handlerThatEndsItsCallItselfIsNotContradicted() async throws {
        try await world { _, context in
            try context.call?.abort("failed: the bank said no")
            return Self.stream(nil)
        } _: { world in
            let status = try await world.send()
            #expect(status == 200)
            #expect(try await world.outcomes() == ["failed: the bank said no"])
            #expect(try world.left() == "10")
        }
    }

    @Test func headHasNoBodyToWaitFor() async throws {
        try await world { _, _ in
            Self.stream(nil)
        } _: { world in
            let status = try await world.send(.head)
            #expect(status == 200)
            #expect(try await world.outcomes() == ["succeeded"])
        }
    }

    @Test func streamThatFailsGivesItsBudgetBackAndOneThatIsNotReadDoesNot() async throws {
        try await world { _, _ in
            Self.stream(nil) { throw Broken() }
        } _: { world in
            _ = try? await world.send()  // it breaks off
            let outcomes = try await world.outcomes()
            #expect(outcomes == ["failed: Broken"])
            #expect(try world.left() == "10")
        }
        try await world { _, _ in
            Response(
                status: .ok,
                body: ResponseBody { writer in
                    while true { try await writer.write(ByteBuffer(repeating: 120, count: 1000)) }
                })
        } _: { world in
            try hangUp(on: world)
            try await eventually { try await world.outcomes() == ["closed early"] }
            #expect(try world.left() == "4")
        }
    }

    @Test func cancelledHandlerGivesNothingBack() async throws {
        try await world { _, _ in
            throw CancellationError()
        } _: { world in
            let status = try await world.send()
            #expect(status == 500)
            #expect(try await world.outcomes() == ["closed early"])
            #expect(try world.left() == "4")
        }
    }

    @Test func denialByRateSaysWhenToComeAgain() async throws {
        try await world { _, _ in
            Response(status: .noContent)
        } _: { world in
            let rule = #"{"id":"few","match":"\"POST /pay\"","rate":{"calls":1,"per":"1h","for":"agent"}}"#
            try await world.acme.applyPolicy(Array(#"{"version":2,"labels":["private"],"rules":[\#(rule)]}"#.utf8))
            try await world.send()
            let headers = try await world.client.execute(
                uri: "/pay", method: .post, headers: world.headers(), body: ByteBuffer(bytes: Self.pay)
            ) { ($0.status.code, $0.headers[.retryAfter].flatMap { Int($0) }, $0.headers[.cacheControl]) }
            #expect(headers.0 == 429 && headers.2 == "no-store")
            #expect((headers.1 ?? 0) > 3500 && (headers.1 ?? 0) <= 3600)
        }
    }

    /// Sends a request, reads the beginning of the answer, and goes.
    private func hangUp(on world: World) throws {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(try #require(world.client.port)).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let isConnected = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(isConnected == 0)
        let fields = try world.headers().map { "\($0.name): \($0.value)\r\n" }.joined()
        let request = "POST /pay HTTP/1.1\r\nHost: x\r\nContent-Length: \(Self.pay.count)\r\n\(fields)\r\n"
        let bytes = Array(request.utf8) + Self.pay
        try #require(unsafe write(socket, bytes, bytes.count) == bytes.count)
        var answer = [UInt8](repeating: 0, count: 100)
        let read = unsafe read(socket, &answer, answer.count)
        #expect(read > 12 && String(decoding: answer.prefix(12), as: UTF8.self) == "HTTP/1.1 200")
    }

    private func eventually(_ isSo: () async throws -> Bool) async throws {
        for _ in 0..<500 {
            if try await isSo() { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        Issue.record("it did not happen")
    }
}
