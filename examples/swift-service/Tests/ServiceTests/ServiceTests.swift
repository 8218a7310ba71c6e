import AgentIDAsync
import AgentIDHummingbird
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Testing

@testable import service

/// The service as its clients see it, over a socket, from an authority in the same process.
@Suite struct ServiceTests {
    private static let scope = #"""
        "GET /books"(); "POST /notes/list"(book == "q3"); "POST /notes/add"(book == "q3", text: *)
        """#
    private let add = Array(#"{"book":"q3","text":"revenue grew"}"#.utf8)

    /// What came back.
    struct Answer {
        let status: Int
        let body: String
        let headers: HTTPFields

        /// A member of a refusal.
        subscript(_ name: String) -> String? { try? JSON(parsing: body).root[name]?.string }
    }

    /// The service, an agent that may use it, and a way to send.
    struct Site: Sendable {
        let acme: Authority
        let agent: Agent
        let client: any TestClientProtocol

        func send(
            _ method: HTTPRequest.Method, _ path: String, _ body: [UInt8] = [], headers: HTTPFields = [:]
        ) async throws -> Answer {
            try await client.execute(uri: path, method: method, headers: headers, body: ByteBuffer(bytes: body)) {
                Answer(status: $0.status.code, body: String(buffer: $0.body), headers: $0.headers)
            }
        }

        /// Sends as the agent.
        func call(_ method: HTTPRequest.Method, _ path: String, _ body: [UInt8] = []) async throws -> Answer {
            let headers = try agent.headers(for: method, path, body: body, audience: Service.audience)
            return try await send(method, path, body, headers: headers)
        }
    }

    private func site(nonces: Bool = false, _ body: @Sendable (Site) async throws -> Void) async throws {
        var options = Authority.Options()
        options.trustDomain = "acme.example"
        let acme = try await Authority.open(directory: nil, options: options)
        let scope = try Scope(Self.scope)
        try await acme.put(Profile(name: "scribe", owner: "team:books@acme.example", ceiling: scope))
        var guardOptions = Guard.Options()
        guardOptions.audience = Service.audience
        guardOptions.requiresNonce = nonces
        let app = Service.application(try await acme.guarding(guardOptions))
        let request = AgentRequest(principal: "user:alice@acme.example", task: "Q3 review", scope: scope)
        try await acme.withAgent(profile: "scribe", request) { agent in
            try await app.test(.ahc()) { try await body(Site(acme: acme, agent: agent, client: $0)) }
        }
    }

    @Test func callThatIsPermittedReachesItsHandler() async throws {
        try await site { site in
            let added = try await site.call(.post, "/notes/add", add)
            #expect(added.status == 201)
            let listed = try await site.call(.post, "/notes/list", Array(#"{"book":"q3"}"#.utf8))
            #expect(listed.status == 200)
            let note = try JSON(parsing: listed.body).root.elements.map { $0 }.first
            let id = try site.agent.id()
            #expect(note?["agent"]?.string == id)
            #expect(note?["principal"]?.string == "user:alice@acme.example")
            // An empty body is an empty object.
            let books = try await site.call(.get, "/books")
            #expect(books.status == 200 && books.body == #"["q3"]"#)
        }
    }

    @Test func whatIsBeyondTheAgentsAuthorityIsForbidden() async throws {
        try await site { site in
            let other = try await site.call(.post, "/notes/add", Array(#"{"book":"hr","text":"x"}"#.utf8))
            #expect(other.status == 403)
            #expect(other["reason"] == "argument_constraint_violated" && other["argument"] == "book")
            #expect(try JSON(parsing: other.body).root["link"]?.int == 0)
            // Another spelling of a route is another tool; one that leads nowhere is that.
            for path in ["//notes/add", "/notes/add/"] {
                let spelled = try await site.call(.post, path, add)
                #expect(spelled.status == 403 && spelled["reason"] == "tool_not_authorized")
            }
            for path in ["/notes/delete", "/notes%2Fadd"] {
                #expect(try await site.call(.post, path, add).status == 404)
            }
            try await site.acme.suspend(agent: site.agent.id())
            let suspended = try await site.call(.post, "/notes/add", add)
            #expect(suspended.status == 403 && suspended["reason"] == "suspended")
        }
    }

    @Test func missingOrUsedProofIsToldWithWhatMayCureIt() async throws {
        try await site { site in
            let good = try site.agent.headers(for: .post, "/notes/add", body: add, audience: Service.audience)
            let elsewhere = try site.agent.headers(for: .post, "/notes/add", body: add, audience: "elsewhere")
            let first = try await site.send(.post, "/notes/add", add, headers: good)
            #expect(first.status == 201)
            let chainOnly: HTTPFields = [.agentChain: good[.agentChain]!]
            for (headers, reason) in [
                ([:], "chain_empty"), (chainOnly, "pop_missing"), (good, "replayed"),
                (elsewhere, "pop_recipient_mismatch"),
            ] as [(HTTPFields, String)] {
                let answer = try await site.send(.post, "/notes/add", add, headers: headers)
                #expect(answer.status == 401 && answer["reason"] == reason)
                #expect(answer.headers[.wwwAuthenticate] == #"Agent-Proof error="\#(reason)""#)
            }
            // Proven for other arguments, and for another path.
            for (path, body) in [("/notes/add", #"{"book":"q3","text":"lost"}"#), ("/notes/list", #"{"book":"q3"}"#)] {
                let headers = try site.agent.headers(for: .post, "/notes/add", body: add, audience: Service.audience)
                let answer = try await site.send(.post, path, Array(body.utf8), headers: headers)
                #expect(answer.status == 401)
            }
        }
    }

    @Test func whatIsNoCallIsRefused() async throws {
        try await site { site in
            let headers = try site.agent.headers(for: .post, "/notes/add", body: add, audience: Service.audience)
            for path in ["/notes/add?book=hr", "/notes/add?"] {
                let answer = try await site.send(.post, path, add, headers: headers)
                #expect(answer.status == 400 && answer["reason"] == "call")
            }
            var twice = headers
            twice.append(HTTPField(name: .agentChain, value: headers[.agentChain]!))
            let doubled = try await site.send(.post, "/notes/add", add, headers: twice)
            #expect(doubled.status == 400 && doubled["reason"] == "header")
            let large = try await site.send(.post, "/notes/add", Array(repeating: 32, count: 10_001), headers: headers)
            #expect(large.status == 413 && large["reason"] == "body")
            for body in [#"{"book":"#, "[]", #"{"book":"q3","book":"hr","text":"x"}"#] {
                let answer = try await site.send(.post, "/notes/add", Array(body.utf8), headers: headers)
                #expect(answer.status == 403)
            }
        }
    }

    /// Swift compares text in its canonical order, and takes the square of a run of combining marks to make it. The guard has not
    /// seen a proof by then.
    @Test func namesThatTakeLongToCompareAreRefused() async throws {
        try await site { site in
            func status(_ names: [String]) async throws -> Int {
                let body = "{" + names.map { "\"\($0)\":1" }.joined(separator: ",") + "}"
                return try await site.send(.post, "/notes/add", Array(body.utf8)).status
            }
            let names = [
                ([String(repeating: "\u{315}", count: 128)], 401), ([String(repeating: "\u{315}", count: 129)], 400),
                ([String(repeating: "\\u0315", count: 129)], 400), ([String(repeating: "x", count: 9000)], 401),
                ((0..<100).map { "\($0)\u{315}" }, 401),
                ((10..<100).map { "\($0)" + String(repeating: "\u{315}", count: 47) }, 400),
            ]
            for (names, want) in names {
                let got = try await status(names)
                #expect(got == want, "\(names.count) names of \(names[0].utf8.count) bytes")
            }
        }
    }

    @Test func aBodyThatCanBeReadInTwoWaysIsRefused() async throws {
        try await site { site in
            func status(_ body: String, types: [String] = [], proved: String? = nil) async throws -> Int {
                let proved = Array((proved ?? body).utf8)
                var headers = try site.agent.headers(
                    for: .post, "/notes/add", body: proved, audience: Service.audience)
                for type in types { headers.append(HTTPField(name: .contentType, value: type)) }
                return try await site.send(.post, "/notes/add", Array(body.utf8), headers: headers).status
            }
            let form = #"{"book":"q3","text":"&book=hr&text="}"#  // JSON, and a form
            let refused = [
                ["application/x-www-form-urlencoded"], ["multipart/form-data; boundary=x"], ["text/plain"], [";"],
                ["application/jsonp"], ["application/json; charset=utf-16"],
                ["application/json, application/x-www-form-urlencoded"],
                ["application/json", "application/x-www-form-urlencoded"],
            ]
            for types in refused {
                let got = try await status(form, types: types)
                #expect(got == 415, "\(types)")
            }
            for types in [["application/json"], ["Application/JSON ; Charset=\"UTF-8\""], ["application/x+json;"], []] {
                let got = try await status(form, types: types)
                #expect(got == 201, "\(types)")
            }
            // Two names that are one String, and names of two objects.
            let bodies = [
                (#"{"book":"q3","text":"a","\u00e5":1,"x":{"å":1}}"#, 403), (#"{"x":{"å":1,"a\u030a":2}}"#, 400),
                (#"{"\u212a":1,"K":2}"#, 400), (#"{"K":"\u212a"}"#, 403),
            ]
            for (body, want) in bodies {
                let got = try await status(body, proved: "{}")
                #expect(got == want, "\(body)")
            }
        }
    }

    @Test func chainThatTheServerKnowsIsNamedByItsReference() async throws {
        try await site { site in
            func headers(isKnown: Bool) throws -> HTTPFields {
                try site.agent.headers(
                    for: .post, "/notes/add", body: add, audience: Service.audience, isKnown: isKnown)
            }
            let unknown = try await site.send(.post, "/notes/add", add, headers: headers(isKnown: true))
            #expect(unknown.status == 428 && unknown["reason"] == "chain_unknown")
            #expect(try await site.send(.post, "/notes/add", add, headers: headers(isKnown: false)).status == 201)
            #expect(try await site.send(.post, "/notes/add", add, headers: headers(isKnown: true)).status == 201)
        }
    }

    @Test func chainThatIsIntroducedIsKnownByItsReference() async throws {
        try await site { site in
            func introduce(_ chain: [UInt8]) async throws -> Answer {
                try await site.send(.post, "/notes/add", chain, headers: [.contentType: "application/agent-chain"])
            }
            func known() async throws -> Int {
                let headers = try site.agent.headers(
                    for: .post, "/notes/add", body: add, audience: Service.audience, isKnown: true)
                return try await site.send(.post, "/notes/add", add, headers: headers).status
            }
            #expect(try await known() == 428)
            let wrong = try await introduce(Array("abc".utf8))
            #expect(wrong.status == 401 && wrong["reason"] == "token_malformed")
            let long = try await introduce(Array(repeating: 65, count: (256 << 10) + 1))
            #expect(long.status == 413 && long["reason"] == "body")
            #expect(try await introduce(Array(site.agent.chain().utf8)).status == 204)
            #expect(try await known() == 201)
            _ = try await site.acme.revoke(Revocation(.agent, site.agent.id()))
            #expect(try await introduce(Array(site.agent.chain().utf8))["reason"] == "authority_revoked")
        }
    }

    @Test func nonceComesWithItsDenialAndIsGoodOnce() async throws {
        try await site(nonces: true) { site in
            func send(_ nonce: String?) async throws -> Answer {
                let headers = try site.agent.headers(
                    for: .post, "/notes/add", body: add, audience: Service.audience, nonce: nonce)
                return try await site.send(.post, "/notes/add", add, headers: headers)
            }
            let without = try await send(nil)
            #expect(without.status == 401 && without["reason"] == "nonce_required")
            let nonce = try #require(without.headers[.agentNonce])
            #expect(try await send(nonce).status == 201)
            let again = try await send(nonce)
            #expect(again.status == 401 && again["reason"] == "replayed" && again.headers[.agentNonce] == nil)
            let foreign = try await send("abc")
            #expect(foreign["reason"] == "nonce_invalid" && foreign.headers[.agentNonce] != nil)
        }
    }

    @Test func requestForAServerByNameIsNoCall() async throws {
        try await site { site in
            for (method, path) in [(HTTPRequest.Method.connect, "/notes/add"), (.post, "notes/add"), (.post, "*")] {
                #expect(throws: Refusal.self) {
                    try site.agent.headers(for: method, path, body: add, audience: Service.audience)
                }
            }
        }
    }

    @Test func whatIsForAnybodyNeedsNoProof() async throws {
        try await site { site in
            let answer = try await site.send(.get, "/health")
            #expect(answer.status == 200)
        }
    }
}
