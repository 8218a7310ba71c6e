import JOSE
import StrictJSON
import Scopes
import Testing
import TestSupport

@testable import AgentID

/// Two spellings of one name, canonically equivalent to Unicode and to Swift's `String`, are two names: what is said of
/// one never holds of the other.
@Suite struct SpellingTests {
    struct Pair: CustomTestStringConvertible, Sendable {
        let (one, other): (String, String)
        var testDescription: String { one.unicodeScalars.map { String($0.value, radix: 16) }.joined(separator: "+") }
    }

    static let pairs = [
        Pair(one: "K", other: "\u{212A}"), Pair(one: "\u{E9}", other: "e\u{301}"),
        Pair(one: "\u{C5}", other: "\u{212B}"), Pair(one: "\u{1E9B}\u{323}", other: "\u{17F}\u{323}\u{307}"),
    ].flatMap { [$0, Pair(one: $0.other, other: $0.one)] }

    @Test(arguments: pairs) func swiftTakesThemForOne(pair: Pair) { #expect(pair.one == pair.other) }

    // MARK: Tools and arguments

    @Test(arguments: pairs) func aToolAndItsArgumentsAreTheirBytes(pair: Pair) throws {
        let arguments = { try JSON(parsing: #"{"\#($0)":1}"#).root } as (String) throws -> JSON.Value
        let scope = try Scope(#"{"\#(pair.one)":{"\#(pair.one)":{"constraint_type":"wildcard"}}}"#)
        #expect(scope.permits(pair.one, try arguments(pair.one)))
        #expect(!scope.permits(pair.other, try arguments(pair.one)))
        #expect(!scope.permits(pair.one, try arguments(pair.other)))

        let tool = try Scope(#"{"\#(pair.other)":{"\#(pair.one)":{"constraint_type":"wildcard"}}}"#)
        let argument = try Scope(#"{"\#(pair.one)":{"\#(pair.other)":{"constraint_type":"wildcard"}}}"#)
        for child in [tool, argument] {
            #expect(scope != child)
            #expect(!scope.subsumes(child))
            #expect((try? scope.narrowed(to: child).permits(pair.other, arguments(pair.one))) != true)
            #expect((try? scope.narrowed(to: child).permits(pair.one, arguments(pair.other))) != true)
        }
        let both = try Scope(#"{"\#(pair.one)":{},"\#(pair.other)":{}}"#)
        #expect(both.tools.count == 2)
    }

    @Test(arguments: pairs) func valuesAreTheirBytes(pair: Pair) throws {
        let argument = try JSON(parsing: #"{"a":"\#(pair.other)"}"#).root
        for constraint in [
            #"{"constraint_type":"exact","value":"\#(pair.one)"}"#,
            #"{"constraint_type":"one_of","values":["\#(pair.one)"]}"#,
            #"{"constraint_type":"glob","pattern":"\#(pair.one)"}"#,
            #"{"constraint_type":"path_containment","root":"/\#(pair.one)"}"#,
        ] {
            let scope = try Scope(#"{"t":{"a":\#(constraint)}}"#)
            #expect(!scope.permits("t", argument), "\(constraint)")
            #expect(!scope.permits("t", try JSON(parsing: #"{"a":"/\#(pair.other)/x"}"#).root), "\(constraint)")
        }
    }

    @Test(arguments: pairs) func whatIsWrittenKeepsBoth(pair: Pair) throws {
        var members: JSONTree.Members = [pair.one: 1, pair.other: 2]
        members[pair.other] = 3
        let text = JSONTree.object(members).text
        let read = try JSON(parsing: text).root
        #expect(read.count == 2)
        #expect(read[pair.one]?.int == 1)
        #expect(read[pair.other]?.int == 3)
        #expect(members.merging([pair.one: 4])[pair.other] != nil)
    }

    @Test(arguments: pairs) func usageTellsThemApart(pair: Pair) throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        let both = try Scope(#"{"\#(pair.one)":{},"\#(pair.other)":{}}"#)
        try world.authority.put(Profile(name: "worker", owner: "team:x", ceiling: both))
        let agent = try world.authority.startAgent(
            profile: "worker", AgentRequest(principal: "user:a@a.example", task: "t", scope: both))
        #expect(
            try agent.check(tool: pair.one, arguments: Array(#"{"\#(pair.one)":1,"\#(pair.other)":2}"#.utf8))
                .isPermitted)
        let usage = try #require(try world.authority.usage(profile: "worker").profiles.first)
        #expect(usage.used.map(\.name.exact) == [pair.one.exact])
        #expect(usage.used.first?.arguments.count == 2)
        #expect(usage.unused.map(\.exact) == [pair.other.exact])
        #expect(usage.proposal?.tools.map(\.name.exact) == [pair.one.exact])
    }

    // MARK: Keys and tokens

    @Test func aKeyIDIsItsBytes() throws {
        var issuer = try SigningKey.generate()
        while !issuer.publicKey.thumbprint.utf8.contains(UInt8(ascii: "K")) { issuer = try SigningKey.generate() }
        let (holder, thumbprint) = (try SigningKey.generate(), issuer.publicKey.thumbprint)
        let kelvin = thumbprint.replacing(exactly: "K", with: "\u{212A}")
        #expect(thumbprint == kelvin)
        var options = Guard.Options()
        (options.audience, options.audit) = ("g", .none)
        let guardian = try Guard(options)
        try guardian.addBundle(HandMade.bundle([issuer], sequence: 1), for: "acme.example")
        #expect(throws: Never.self) { _ = try guardian.admit(chain: HandMade.root(issuer, to: holder)) }
        let denial = #expect(throws: Denial.self) {
            _ = try guardian.admit(chain: HandMade.root(issuer, to: holder, keyID: kelvin))
        }
        #expect(denial?.reason.rawValue == "untrusted_root")
        // Revoked by the other spelling, nothing is revoked; by its own, the key is.
        #expect(throws: AgentIDError.self) { try Revocation(.issuer, kelvin) }
        guardian.revoke(Revocation(unchecked: .issuer, kelvin))
        #expect(throws: Never.self) { _ = try guardian.admit(chain: HandMade.root(issuer, to: holder)) }
        guardian.revoke(try Revocation(.issuer, thumbprint))
        #expect(throws: Denial.self) { _ = try guardian.admit(chain: HandMade.root(issuer, to: holder)) }
    }

    @Test(arguments: pairs) func aRevokedGrantIsItsBytes(pair: Pair) throws {
        let (issuer, holder) = (try SigningKey.generate(), try SigningKey.generate())
        var options = Guard.Options()
        (options.audience, options.audit) = ("g", .none)
        let guardian = try Guard(options)
        try guardian.addBundle(HandMade.bundle([issuer], sequence: 1), for: "acme.example")
        let chain = HandMade.root(issuer, to: holder, ["jti": .string("grant-\(pair.one)")])
        guardian.revoke(try Revocation(.grant, "grant-\(pair.other)"))
        #expect(throws: Never.self) { _ = try guardian.admit(chain: chain) }
        guardian.revoke(try Revocation(.grant, "grant-\(pair.one)"))
        #expect(throws: Denial.self) { _ = try guardian.admit(chain: chain) }
    }

    @Test(arguments: pairs) func revocationsAreTwo(pair: Pair) throws {
        let list = RevocationList()
        let kinds = Revocation.Kind.allCases.filter { $0 != .agent }
        for kind in kinds { list.add([Revocation(unchecked: kind, "a\(pair.one)")]) }
        for kind in kinds {
            #expect(list.first(of: [Revocation(unchecked: kind, "a\(pair.other)")]) == nil, "\(kind)")
            #expect(list.first(of: [Revocation(unchecked: kind, "a\(pair.one)")]) != nil, "\(kind)")
            list.add([Revocation(unchecked: kind, "a\(pair.other)")])
        }
        #expect(list.count == 2 * kinds.count)
    }

    @Test(arguments: pairs) func labelsAreTwo(pair: Pair) throws {
        let (issuer, holder) = (try SigningKey.generate(), try SigningKey.generate())
        var options = Guard.Options()
        (options.audience, options.audit) = ("g", .none)
        let guardian = try Guard(options)
        try guardian.addBundle(HandMade.bundle([issuer], sequence: 1), for: "acme.example")
        let labels = { (names: [String]) -> JSONTree.Members in
            ["urn:agentid:1": ["labels": .array(names.map { .string($0) })]]
        }
        let root = HandMade.root(issuer, to: holder, labels([pair.one]))
        let kept = try HandMade.child(of: root, by: holder, to: holder, labels([pair.one, pair.other]))
        let changed = try HandMade.child(of: root, by: holder, to: holder, labels([pair.other]))
        #expect(throws: Never.self) { _ = try guardian.admit(chain: kept) }
        let denial = #expect(throws: Denial.self) { _ = try guardian.admit(chain: changed) }
        #expect(denial?.reason.rawValue == "flow_forbidden")
    }

    @Test(arguments: pairs) func anAudienceIsItsBytes(pair: Pair) throws {
        let world = try World()
        let agent = try world.start()
        let guardian = try world.guarding { $0.audience = "files-\(pair.one)" }
        let arguments = Array(#"{"path":"/data/q3/a"}"#.utf8)
        for (audience, isPermitted) in [("files-\(pair.one)", true), ("files-\(pair.other)", false)] {
            let proof = try agent.prove(tool: "read_file", arguments: arguments, audience: audience)
            let decision = guardian.check(
                chain: Array(try agent.chain().utf8), proof: Array(proof.utf8), tool: "read_file", arguments: arguments)
            #expect(decision.isPermitted == isPermitted)
        }
    }

    @Test(arguments: pairs) func proofsAreTwo(pair: Pair) throws {
        let memory = try ReplayTable(capacity: 1000, window: 60)
        let proofs = [pair.one, pair.other].map { UsedProof(name: $0, tree: "t") }
        let begun = MonotonicClock.milliseconds
        for proof in proofs { #expect(memory.remember(proof, since: begun) == .fresh) }
        for proof in proofs { #expect(memory.remember(proof, since: begun) == .replayed) }
    }

    // MARK: The registry

    @Test func whatIsRegisteredIsFoundByNoOtherName() throws {
        let world = try World()
        let authority = world.authority
        let kelvin = { (text: String) in text.replacing(exactly: "K", with: "\u{212A}") }
        let (profile, owner, principal) = ("K-worker", "team:K@acme.example", "user:K@acme.example")
        try authority.put(Profile(name: profile, owner: owner, ceiling: Scope("run")))
        let request = AgentRequest(principal: principal, task: "t", scope: try Scope("run"))
        let agent = try authority.startAgent(profile: profile, request)
        let id = try agent.id()

        #expect(throws: AgentIDError.self) { _ = try authority.profile(named: kelvin(profile)) }
        #expect(throws: AgentIDError.self) { _ = try authority.startAgent(profile: kelvin(profile), request) }
        #expect(throws: AgentIDError.self) {
            _ = try Profile(name: kelvin(profile), owner: owner, ceiling: Scope("run"))
        }
        #expect(throws: AgentIDError.self) { try authority.suspend(agent: kelvin(id)) }
        #expect(throws: AgentIDError.self) { _ = try authority.deprovision(agent: kelvin(id)) }
        #expect(throws: AgentIDError.self) { _ = try authority.verifyGone(agent: kelvin(id)) }
        #expect((try? authority.deprovision(principal: kelvin(principal))) ?? 0 == 0)
        #expect(throws: AgentIDError.self) { try Revocation(.profile, kelvin(profile)) }
        #expect(throws: AgentIDError.self) { try Revocation(.principal, kelvin(principal)) }
        for other in [(Revocation.Kind.profile, profile), (.principal, principal)] {
            try authority.revoke(Revocation(unchecked: other.0, kelvin(other.1)))
        }
        for select in [
            { $0.profile = kelvin(profile) }, { $0.owner = kelvin(owner) }, { $0.principal = kelvin(principal) },
            { $0.parent = kelvin(id) },
        ] as [(inout AgentSelection) -> Void] {
            var selection = AgentSelection()
            select(&selection)
            #expect(((try? authority.agents(selection)) ?? []).isEmpty)
        }
        #expect(try agent.check(tool: "run", arguments: Array("{}".utf8)).isPermitted)
        try authority.revoke(Revocation(.principal, principal))
        #expect(try !agent.check(tool: "run", arguments: Array("{}".utf8)).isPermitted)
    }

    @Test func aDomainAndAHookAreNamedInASCIIAlone() throws {
        let world = try World()
        let bundle = Array(try world.authority.bundle().utf8)
        let guardian = try Guard(.forTests(world))
        for name in ["\u{212A}.example", "e\u{301}.example", "\u{C5}.example"] {
            #expect(throws: AgentIDError.self) { try guardian.addBundle(bundle, for: name) }
            #expect(throws: AgentIDError.self) { _ = try TrustDomain(name) }
        }
        let hook = { (name: String) in Hook(name, action: .callback { _ in }) }
        try world.authority.add(hook("K"))
        #expect(throws: AgentIDError.self) { try world.authority.add(hook("\u{212A}")) }
        #expect(throws: AgentIDError.self) { try world.authority.removeHook(named: "\u{212A}") }
        #expect(try world.authority.hooks().count == 1)
    }

    @Test(arguments: pairs) func providersAndResourcesAreTwo(pair: Pair) throws {
        struct Provider: SecretProvider {
            let name: String
            var releaseCommand: [String] { [] }
            func acquire(_ request: SecretRequest) throws -> Secret {
                try Secret(Array("\(name) opens \(request.resource)".utf8).span)
            }
            func release(_ release: SecretRelease) throws {}
        }
        let world = try World()
        let agent = try world.start()
        let permit = try agent.authorize(tool: "read_file", arguments: Array(#"{"path":"/data/q3/a"}"#.utf8))
        try world.authority.add(Provider(name: "first"), named: pair.one)
        #expect(throws: AgentIDError.self) {
            _ = try world.authority.acquire(for: permit, from: pair.other, resource: "r", timeToLive: 10)
        }
        try world.authority.add(Provider(name: "second"), named: pair.other)
        for (name, provider) in [(pair.one, "first"), (pair.other, "second")] {
            let (_, secret) = try world.authority.acquire(
                for: permit, from: name, resource: pair.other, timeToLive: 10)
            let text = secret.withSpan { bytes in String(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self) }
            #expect(text.exact == "\(provider) opens \(pair.other)".exact)
        }
    }

    @Test(arguments: pairs) func theRegistryKeepsAndFindsBytes(pair: Pair) throws {
        let database = try SQLite(path: nil, .create, busyMilliseconds: 1)
        try database.script("CREATE TABLE names (name TEXT PRIMARY KEY) STRICT")
        let names = [pair.one, pair.other, "\(pair.one)\u{0}a", "\(pair.one)\u{0}b", "", "a", "A"]
        for name in names { try database.run("INSERT INTO names VALUES (?)", .text(name)) }
        for name in names {
            let found = try database.rows("SELECT name FROM names WHERE name = ?", .text(name)) {
                row throws(AgentIDError) in try row.text(0)
            }
            #expect(found.map(\.exact) == [name.exact])
        }
        let sorted = try database.rows("SELECT name FROM names ORDER BY name") {
            row throws(AgentIDError) in try row.text(0)
        }
        #expect(sorted.map(\.exact) == names.map(\.exact).sorted())
    }

    @Test func textThatIsNoUTF8IsDamageAndNotRepaired() throws {
        let database = try SQLite(path: nil, .create, busyMilliseconds: 1)
        let refusal = #expect(throws: AgentIDError.self) {
            _ = try database.rows("SELECT CAST(x'41FF42' AS TEXT)") { row throws(AgentIDError) in try row.text(0) }
        }
        #expect(refusal?.name == "registry_corrupt")
    }
}
