import Foundation
import JOSE
import StrictJSON
import Scopes
import Testing

@testable import AgentID

/// What a foreign domain's chain leaves behind - decisions, entries, news, counts - says whose it was, and blames none of ours.
@Suite struct ForeignRecordTests {
    private let inside = Array(#"{"path":"/data/q3/a"}"#.utf8)
    private let directory: TemporaryDirectory
    private let world: World
    private let guardian: Guard
    private let (partner, holder): (SigningKey, SigningKey)

    init() throws {
        directory = try TemporaryDirectory()
        world = try World(at: directory.path)
        (partner, holder) = (try SigningKey.generate(), try SigningKey.generate())
        guardian = try world.authority.guarding(.forTests(world))
        try guardian.addBundle(HandMade.bundle([partner], sequence: 1), for: "partner.example")
    }

    private static let theirs = "spiffe://partner.example/agent/researcher/1"

    /// A root of the partner's, with every name of ours that it may write.
    private func root(jti: String = "j", _ claim: JSONTree.Members = [:]) -> [UInt8] {
        let names: JSONTree.Members = [
            "agent": .string(Self.theirs), "profile": "researcher", "owner": "team:research@acme.example",
            "principal": "user:alice@acme.example", "task": "Q3 review",
        ]
        return HandMade.root(
            partner, to: holder, at: world.clock.milliseconds / 1000, tools: ["read_file": [:]],
            [
                "jti": .string(jti), "iss": "spiffe://partner.example",
                "urn:agentid:1": .object(names.merging(claim)),
            ])
    }

    private func decide(_ chain: [UInt8], tool: String = "read_file", by key: SigningKey? = nil) throws -> Decision {
        let agent = try Agent.open(
            key: key ?? holder, chain: String(decoding: chain, as: UTF8.self), clock: world.clock)
        let proof = try agent.prove(tool: tool, arguments: inside)
        return guardian.check(chain: chain, proof: Array(proof.utf8), tool: tool, arguments: inside)
    }

    private func entries() throws -> [JSON.Value] {
        try world.authority.integrate()
        let reader = try AuditReader(authority: directory.path)
        return try reader.entries(from: 0).map { try JSON(parsing: $0).root }
    }

    @Test func aDecisionSaysWhoseWordItsNamesAre() throws {
        let own = try world.start()
        let ours = try own.check(tool: "read_file", arguments: inside)
        #expect(ours.issuer?.isForeign == false && ours.issuer?.domain?.name == "acme.example")
        #expect(ours.explanation.contains("for: user:alice@acme.example\n") && !ours.explanation.contains("foreign"))
        let decision = try decide(root())
        #expect(decision.isPermitted && decision.issuer?.isForeign == true)
        #expect(decision.explanation.contains("for: user:alice@acme.example (as partner.example says)\n"))
        #expect(decision.explanation.contains("owner: team:research@acme.example (as partner.example says)\n"))
        #expect(decision.explanation.contains("foreign: partner.example, key \(partner.publicKey.thumbprint)\n"))
        let issuer = try JSON(parsing: decision.document.canonical()).root["issuer"]
        #expect(issuer?["domain"]?.string == "partner.example" && issuer?["foreign"]?.bool == true)
        #expect(issuer?["key"]?.string == partner.publicKey.thumbprint)
    }

    @Test func anEntryHoldsTheIssuersKeyAndTheHashOfEachToken() throws {
        let own = try world.start().spawn("reader", .sameScope())
        _ = try own.check(tool: "read_file", arguments: inside)
        let jti = try #require(try world.authority.registry.read { try $0.grants(of: own.id()) }.first?.id)
        // The partner borrows the name of a grant of ours.
        let foreign = root(jti: jti)
        #expect(try decide(foreign).isPermitted)
        let found = try entries().filter { $0["kind"]?.equals("decision") == true }
        let tokens = try own.chain().split(separator: "~").map { token in
            Base64URL.encode(Sodium.sha256(Array(token.utf8).span))
        }
        #expect(found[0]["chain"]?.elements.compactMap { $0["sha256"]?.string } == tokens)
        #expect(found[0]["issuer"]?["domain"]?.string == "acme.example" && found[0]["issuer"]?["foreign"] == nil)
        #expect(
            found[1]["chain"]?.elements.compactMap { $0["sha256"]?.string } == [
                Base64URL.encode(Sodium.sha256(foreign.span))
            ])
        #expect(found[1]["issuer"]?["key"]?.string == partner.publicKey.thumbprint)
        #expect(found[1]["issuer"]?["foreign"]?.bool == true && found[1]["agent"]?.string == Self.theirs)
        // By its hash the grant is found, and none that only has its name.
        let inspection = try RegistryInspection(of: directory.path)
        let logged = found.prefix(2).map { $0["chain"]?.elements.compactMap { LoggedGrant($0) } ?? [] }
        guard case .scope = try inspection.find(#require(logged[0].last)) else { throw Unexpected() }
        guard case .another = try inspection.find(#require(logged[1].first)) else { throw Unexpected() }
    }

    private struct Unexpected: Error {}

    @Test func aForeignChainsCallsCountForNoProfileOfOurs() throws {
        _ = try world.start().check(tool: "read_file", arguments: inside)
        for _ in 0..<3 { #expect(try decide(root()).isPermitted) }
        for _ in 0..<2 { #expect(try !decide(root(), tool: "other").isPermitted) }
        let usage = try world.authority.usage()
        #expect(usage.foreign == 5 && usage.unattributed == 0)
        #expect(usage.profiles.first?.permitted == 1 && usage.profiles.first?.denials.isEmpty == true)
    }

    @Test func aForeignDenialIsNoNewsOfAnAgentOfOurs() throws {
        try world.authority.registry.write { registry in
            try registry.put(
                HookRecord(name: "h", kind: .callback, events: ["denied"], command: [], deadline: 1, maxAttempts: 1))
        }
        // The partner's agent hands its grant on to one of ours, whose credential anybody may have seen.
        let ours = try world.start()
        let key = try #require(try ours.withExportedKey { try? SigningKey(jwk: $0) })
        let chain = try HandMade.child(
            of: root(), by: holder, to: key, agent: ours.id(), tools: ["read_file": [:]])
        let credential = try #require(try ours.credential())
        let admission = try guardian.admit(chain: chain, credentials: Array(credential.utf8))
        let denied = guardian.check(admission, proof: Array("x".utf8), tool: "read_file", arguments: inside)
        #expect(!denied.isPermitted && denied.issuer?.isForeign == true)
        #expect(try ours.check(tool: "other", arguments: inside).isPermitted == false)
        world.authority.lifecycle.denials.flush()
        let deliveries = try world.authority.registry.read { try $0.deliveries(.pending, hook: "h", limit: 10) }
        let byDomain = Dictionary(grouping: deliveries, by: \.agent)
        #expect(
            byDomain.keys.sorted()
                == ["spiffe://acme.example/", "spiffe://partner.example"].map { name in
                    name.hasSuffix("/") ? (try? ours.id()) ?? "" : name
                })
        let foreign = try JSON(parsing: #require(byDomain["spiffe://partner.example"]?.first?.payload)).root
        #expect(foreign["issuer"]?["foreign"]?.bool == true && foreign["agent"]?.string == Self.theirs)
        let own = try JSON(parsing: #require(byDomain[ours.id()]?.first?.payload)).root
        #expect(own["issuer"]?["foreign"] == nil && own["issuer"]?["domain"]?.string == "acme.example")
    }

    @Test func floodsUnderOneNameAreCountedApartByTheirIssuers() throws {
        let own = try world.start()
        let jti = try #require(try world.authority.registry.read { try $0.grants(of: own.id()) }.first?.id)
        let foreign = root(jti: jti)
        for _ in 0..<300 {
            _ = try own.check(tool: "other", arguments: inside)
            _ = try decide(foreign, tool: "other")
        }
        world.authority.trail?.log?.close()
        let told = try entriesAfterClosing().filter { $0["kind"]?.equals("denials") == true }
        let (theirs, ours) = (
            told.filter { $0["issuer"]?["foreign"]?.bool == true }, told.filter { $0["issuer"]?["foreign"] == nil }
        )
        #expect(!theirs.isEmpty && theirs.allSatisfy { $0["agent"]?.string == Self.theirs })
        #expect(!ours.isEmpty && ours.allSatisfy { $0["agent"]?.string == (try? own.id()) })
    }

    private func entriesAfterClosing() throws -> [JSON.Value] {
        let reader = try AuditReader(authority: directory.path)
        var found: [JSON.Value] = []
        while found.count < reader.count {
            found += try reader.entries(from: UInt64(found.count)).map { try JSON(parsing: $0).root }
        }
        return found
    }

    /// The partner's root names a profile as ours is named: that is another one, and the agent below it is still of ours.
    @Test func aForeignRootDoesNotHideThatAnAgentsProfileIsRevoked() throws {
        let ours = try world.start()
        let key = try #require(try ours.withExportedKey { try? SigningKey(jwk: $0) })
        let chain = try HandMade.child(of: root(), by: holder, to: key, tools: ["read_file": [:]])
        #expect(try decide(chain, by: key).isPermitted)
        try world.authority.revoke(Revocation(.profile, "researcher"))
        let denial = try decide(chain, by: key).denial
        #expect(denial?.reason.rawValue == "authority_revoked" && denial?.message == "revoked: profile researcher")
        #expect(try decide(root(jti: "other")).isPermitted)
    }

    @Test func withdrawnProfilesAreOursAndPeopleWhoLeftAreEverybodys() throws {
        _ = try world.authority.withdraw(profile: "researcher")
        #expect(try decide(root(jti: "1")).isPermitted, "a partner's profile of that name is another one")
        try world.authority.revoke(Revocation(.principal, "user:bob@acme.example"))
        for claim in [["principal": "user:bob@acme.example"], ["owner": "user:bob@acme.example"]]
            as [JSONTree.Members]
        {
            #expect(try decide(root(jti: "2", claim)).denial?.reason.rawValue == "authority_revoked")
        }
        guardian.revoke(try Revocation(.profile, "researcher"))
        #expect(
            try decide(root(jti: "3")).denial?.reason.rawValue == "authority_revoked", "told so, the guard denies all")
    }
}
