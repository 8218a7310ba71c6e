import JOSE
import StrictJSON
import Testing

@testable import AgentID

/// Signed lists of what was revoked, at guards that cannot read the registry.
@Suite struct SignedRevocationsTests {
    private let signer: SigningKey
    private let world: World
    private let agent: Agent
    private let guardian: Guard
    private let call = Array(#"{"path":"/data/q3/a.csv"}"#.utf8)

    init() throws {
        let signer = try SigningKey.generate()
        self.signer = signer
        world = try World { $0.signer = signer }
        agent = try world.start()
        guardian = try world.guarding()
    }

    private func list(lifetime: Int64 = 3600) throws -> [UInt8] {
        Array(try world.authority.revocationList(lifetime: lifetime).utf8)
    }

    private func reason(_ agent: Agent? = nil, at guardian: Guard? = nil) throws -> String? {
        let agent = agent ?? self.agent
        let proof = try agent.prove(tool: "read_file", arguments: call, audience: "files")
        return (guardian ?? self.guardian).check(
            chain: Array(try agent.chain().utf8), proof: Array(proof.utf8), tool: "read_file", arguments: call
        ).denial?.reason.rawValue
    }

    private func refusal(_ list: [UInt8], at guardian: Guard? = nil) -> String {
        do {
            try (guardian ?? self.guardian).loadRevocations(list)
            return "loaded"
        } catch { return error.name }
    }

    /// A list with claims of any kind.
    private func made(
        by key: SigningKey? = nil, type: String = "agentid-revocations+jwt",
        _ change: (inout JSONTree.Members) -> Void = { _ in }
    ) -> [UInt8] {
        let now = Int(world.clock.milliseconds / 1000)
        var claims: JSONTree.Members = [
            "iss": "spiffe://acme.example", "iat": .int(now), "exp": .int(now + 60), "seq": 1_000_000, "revoked": [:],
        ]
        change(&claims)
        let key = key ?? signer
        return CompactJWS.make(
            type: type, keyID: key.publicKey.thumbprint, payload: JSONTree.object(claims).canonical()
        ) {
            key.sign($0)
        }
    }

    @Test func aStolenKeyDoesNotShutOutTheListsThatEndIt() throws {
        let thief = signer
        try guardian.loadRevocations(made { $0["seq"] = .int(1 << 52) })
        let next = try SigningKey.generate()
        let domain = try TrustDomain("acme.example")
        let bundle = TrustBundle(
            sequence: 100, anchors: [thief, next].map { TrustAnchor($0.publicKey, of: domain) })
        try guardian.addBundle(bundle.tree(at: 0).canonical(), for: "acme.example")
        // Another key alone does not: that may be an older list.
        #expect(refusal(made(by: next) { $0["seq"] = 7 }) == "revocations_rolled_back")
        let ending = made(by: next) {
            $0["seq"] = 7
            $0["revoked"] = ["issuer": [.string(thief.publicKey.thumbprint)], "principal": ["user:alice@acme.example"]]
        }
        #expect(refusal(ending) == "loaded")
        #expect(try reason() == "authority_revoked")
        #expect(refusal(made { $0["seq"] = .int(1 << 52) }) == "revocations")
        #expect(refusal(made(by: next) { $0["seq"] = 6 }) == "revocations_rolled_back")
    }

    @Test(arguments: [true, false]) func aKeyThatIsRevokedHereShutsOutNoList(forOneGuard: Bool) throws {
        let (thief, honest) = (try SigningKey.generate(), try SigningKey.generate())
        let domain = try TrustDomain("f.example")
        let guardian = try world.authority.guarding(.forTests(world))
        let bundle = TrustBundle(sequence: 1, anchors: [thief, honest].map { TrustAnchor($0.publicKey, of: domain) })
        try guardian.addBundle(bundle.tree(at: 0).canonical(), for: "f.example")
        func refusal(by key: SigningKey, _ sequence: Int) -> String {
            self.refusal(
                made(by: key) { ($0["iss"], $0["seq"]) = ("spiffe://f.example", .int(sequence)) }, at: guardian)
        }
        #expect(refusal(by: thief, 1_000_000_000) == "loaded")
        #expect(refusal(by: honest, 7) == "revocations_rolled_back")
        let revocation = try Revocation(.issuer, thief.publicKey.thumbprint)
        if forOneGuard { guardian.revoke(revocation) } else { try world.authority.revoke(revocation) }
        #expect(refusal(by: thief, 1_000_000_001) == "revocations")
        #expect(refusal(by: honest, 7) == "loaded")
    }

    @Test func aGuardIsToldByAListAsOfWhenItWasMade() throws {
        let guardian = try world.guarding { $0.maxViewAge = 60 }
        world.pass(seconds: 61)
        #expect(try reason(at: guardian) == "revocation_view_stale")
        let made = try list()
        #expect(refusal(made, at: guardian) == "loaded")
        #expect(try reason(at: guardian) == nil)
        world.pass(seconds: 60)
        #expect(try reason(at: guardian) == nil)
        world.pass(seconds: 1)
        // Who shows it again tells nothing new.
        #expect(refusal(made, at: guardian) == "loaded")
        #expect(try reason(at: guardian) == "revocation_view_stale")
        #expect(refusal(try list(), at: guardian) == "loaded")
        #expect(try reason(at: guardian) == nil)
    }

    @Test func noListIsGoodForLongerThanAMonth() {
        let now = Int(world.clock.milliseconds / 1000)
        #expect(refusal(made { $0["exp"] = .int(now + 30 * 86_400) }) == "loaded")
        #expect(refusal(made { $0["exp"] = .int(now + 30 * 86_400 + 1) }) == "revocations")
    }

    @Test(arguments: Revocation.Kind.allCases) func whatIsListedIsDeniedAndNothingElse(kind: Revocation.Kind) throws {
        let other = try world.authority.startAgent(
            profile: "researcher",
            AgentRequest(principal: "user:bob@acme.example", task: "t", scope: Scope("read_file(path under '/data')")))
        let root = try #require(
            try JSON(parsing: ChainDecoder.decode(Array(agent.chain().utf8)).text).root["links"]?.elements.map { $0 }
                .first)
        let (id, key) = (try agent.id(), try agent.publicKey().thumbprint)
        let name: String =
            switch kind {
            case .grant: root["claims"]?["jti"]?.string ?? ""
            case .key: key
            case .agent: id
            case .profile: "researcher"
            case .principal: "user:alice@acme.example"
            case .issuer: signer.publicKey.thumbprint
            }
        let empty = try guardian.loadRevocations(list())
        #expect(empty.revocations.isEmpty && empty.trustDomain.name == "acme.example")
        #expect(try reason() == nil && reason(other) == nil)
        try world.authority.revoke(Revocation(kind, name))
        #expect(try reason() == nil, "nobody told it")
        let full = try guardian.loadRevocations(list())
        #expect(full.revocations.contains { $0.kind == kind && $0.value == name } && full.sequence > empty.sequence)
        #expect(try reason() == "authority_revoked")
        #expect(try (reason(other) == nil) == (kind != .profile && kind != .issuer))
    }

    @Test func anOlderListIsRefusedAndTheSameIsNot() throws {
        let first = try list()
        try world.authority.revoke(Revocation(.agent, agent.id()))
        let second = try list()
        world.pass(seconds: 5)
        let third = try list()
        #expect(refusal(second) == "loaded" && refusal(second) == "loaded")
        #expect(refusal(first) == "revocations_rolled_back")
        #expect(refusal(third) == "loaded", "made later, of the same registry")
        #expect(refusal(second) == "revocations_rolled_back")
        #expect(try reason() == "authority_revoked")
        // What a later list leaves out stays revoked.
        #expect(refusal(made()) == "loaded")
        #expect(try reason() == "authority_revoked")
    }

    @Test func anExpiredListDeniesUnlessToldOtherwise() throws {
        let lax = try world.guarding()
        let short = try list(lifetime: 10)
        try guardian.loadRevocations(short)
        try lax.loadRevocations(short, keepsAfterExpiry: true)
        world.pass(seconds: 9)
        #expect(try reason() == nil)
        world.pass(seconds: 1)
        #expect(try reason() == "revocation_view_stale" && reason(at: lax) == nil)
        #expect(refusal(short, at: try world.guarding()) == "revocations_expired")
        try guardian.loadRevocations(list())
        #expect(try reason() == nil)
    }

    @Test func aListIsAboutItsOwnDomainAlone() throws {
        let partnerKey = try SigningKey.generate()
        let partner = try World {
            $0.trustDomain = "partner.example"
            $0.signer = partnerKey
        }
        try guardian.addBundle(Array(partner.authority.bundle().utf8), for: "partner.example")
        let id = try agent.id()
        let theirs = { (claims: inout JSONTree.Members) in
            claims["iss"] = "spiffe://partner.example"
            claims["revoked"] = [
                "agent": [.string(id)], "principal": ["user:alice@acme.example"],
                "issuer": [.string(signer.publicKey.thumbprint)],
            ]
        }
        #expect(refusal(made(by: partnerKey, theirs)) == "loaded")
        #expect(try reason() == nil, "theirs to say of their own")
        #expect(refusal(made(by: partnerKey)) == "revocations", "in our name")
        #expect(refusal(made(by: try SigningKey.generate())) == "revocations", "of a key that nobody trusts")
        let stranger = try Guard(.forTests(world))
        #expect(refusal(try list(), at: stranger) == "revocations", "of a domain that it does not know")
        #expect(refusal(try list(), at: try world.authority.guarding(.forTests(world))) == "own_domain")
    }

    @Test func whatIsCutChangedOrAnotherTokenIsRefused() throws {
        let whole = try list()
        for cut in [0, 1, whole.count / 2, whole.count - 1] {
            #expect(refusal(Array(whole.prefix(cut))) == "revocations")
        }
        for i in stride(from: 0, to: whole.count, by: 7) {
            var changed = whole
            changed[i] ^= 1
            #expect(refusal(changed) == "revocations")
        }
        #expect(refusal([UInt8](repeating: 0x41, count: SignedRevocations.longest + 1)) == "revocations_size")
        for type in ["agentid-tombstone+jwt", "aat+jwt", "wit+jwt", "JWT"] {
            #expect(refusal(made(type: type)) == "revocations")
        }
        let now = Int(world.clock.milliseconds / 1000)
        let wrong: [(String, JSONTree?)] = [
            ("iat", nil), ("exp", nil), ("seq", nil), ("revoked", nil), ("iss", nil), ("seq", -1), ("seq", "1"),
            ("iat", .int(now + 31)), ("exp", .int(now - 1)), ("revoked", []), ("revoked", ["agents": []]),
            ("revoked", ["agent": ["x"]]), ("revoked", ["agent": "spiffe://acme.example/agent/x/1"]),
            ("revoked", ["key": [1]]), ("revoked", ["grant": [""]]), ("seq", .int(1 << 60)),
        ]
        for (name, value) in wrong {
            #expect(refusal(made { $0[name] = value }) == "revocations", "\(name): \(value?.text ?? "none")")
        }
        #expect(refusal(made()) == "loaded")
    }

    @Test func aKeyThatNoLongerSignsSignsNoList() throws {
        let old = try list()
        try guardian.revoke(Revocation(.issuer, signer.publicKey.thumbprint))
        let other = try world.guarding()
        try other.loadRevocations(old)
        #expect(refusal(old) == "revocations", "a revoked key is good for nothing")
        let thumbprint = signer.publicKey.thumbprint
        #expect(refusal(made { $0["revoked"] = ["issuer": [.string(thumbprint)]] }, at: other) == "loaded")
        #expect(refusal(made { $0["seq"] = 2_000_000 }, at: other) == "revocations", "it ended itself")
    }

    @Test func whatCanNoLongerBeValidIsLeftOut() throws {
        let short = try world.authority.startAgent(
            profile: "researcher",
            AgentRequest(
                principal: "user:bob@acme.example", task: "t", scope: Scope("read_file(path under '/data')"),
                lifetime: 60))
        let id = try short.id()
        _ = try world.authority.deprovision(agent: id)
        try world.authority.revoke(Revocation(.agent, "spiffe://acme.example/agent/elsewhere/1"))
        try world.authority.revoke(Revocation(.principal, "user:bob@acme.example"))
        func names() throws -> [String] {
            let guardian = try world.guarding()
            return try guardian.loadRevocations(list()).revocations.map(\.value)
        }
        #expect(try names().contains(id))
        world.pass(seconds: 60 + 3601)
        let later = try names()
        #expect(!later.contains(id))
        #expect(later.contains("spiffe://acme.example/agent/elsewhere/1") && later.contains("user:bob@acme.example"))
        world.pass(seconds: 91 * 86_400)
        #expect(try names() == ["user:bob@acme.example"])
    }

    @Test func aListIsGoodForABoundedTime() throws {
        for lifetime: Int64 in [0, -1, 30 * 86_400 + 1, .max, .min] {
            do {
                _ = try world.authority.revocationList(lifetime: lifetime)
                Issue.record("\(lifetime) s")
            } catch { #expect(error.name == "revocation_list") }
        }
    }

    @Test func whatTheJournalHasIsListed() throws {
        let directory = try TemporaryDirectory()
        let home = try World(at: directory.path)
        let agent = try home.start()
        try Authority.stopInJournal(directory: directory.path, .revoke(Revocation(.agent, agent.id())))
        let guardian = try home.guarding()
        try guardian.loadRevocations(Array(home.authority.revocationList().utf8))
        #expect(try reason(agent, at: guardian) == "authority_revoked")
    }
}
