import Foundation
import JOSE
import Scopes
import StrictJSON
import Testing
@testable import AgentID

/// What a rotation of the authority's key leaves good, and what it ends.
struct KeyRotationTests {
    private func kid(_ authority: Authority, _ role: KeyRecord.Role) throws -> String? {
        try authority.registry.read { try $0.keys() }.first { $0.role == role }?.key.thumbprint
    }

    private func rotate(_ authority: Authority) throws {
        try authority.publishKey()
        try authority.activateKey()
    }

    /// `pop_missing` where the chain itself is good.
    private func verdict(_ guardian: Guard, _ chain: String) -> String? {
        guardian.check(chain: chain, proof: "", tool: "search", arguments: Array(#"{"query":"x"}"#.utf8))
            .denial?.reason.rawValue
    }

    private func grant(_ world: World, lifetime: Int64) throws -> String {
        try world.authority.issueGrant(
            profile: "researcher", to: SigningKey.generate().publicKey,
            AgentRequest(
                principal: "user:alice@acme.example", task: "t", scope: Scope("search(query: *)"), lifetime: lifetime))
    }

    private func put(_ world: World, longest: Int64) throws {
        try world.authority.put(
            Profile(
                name: "researcher", owner: "team:research@acme.example", ceiling: Scope("search(query: *)"),
                maxLifetime: longest))
    }

    @Test func whatWasSignedStaysGoodForAsLongAsItSaysWhateverTheProfileSaysLater() throws {
        let world = try World()
        try put(world, longest: 86_400)
        let chain = try grant(world, lifetime: 86_400)
        try put(world, longest: 3600)
        let follower = try world.authority.guarding(.forTests(world))
        for _ in 0..<3 {
            try rotate(world.authority)
            world.pass(seconds: 2 * 3600)
            #expect(verdict(follower, chain) == "pop_missing")
            #expect(verdict(try world.guarding(), chain) == "pop_missing")
        }
        world.pass(seconds: 18 * 3600)
        #expect(verdict(follower, chain) != "pop_missing")
    }

    @Test func aRetiredKeyEndsByTheGuardsClockAndNotWhenSomebodyRotatesAgain() throws {
        let world = try World()
        _ = try grant(world, lifetime: 600)
        let old = try #require(try kid(world.authority, .active))
        try rotate(world.authority)
        let told = try world.guarding()
        #expect(try world.authority.bundle().contains(old))
        world.pass(seconds: 600)
        #expect(try !world.authority.bundle().contains(old), "the bundle lists nothing that has ended")
        let anchors = told.anchors.withLock { $0 }
        let held = anchors.all.first { $0.thumbprint.isSame(as: old) }
        let denial = held?.denial(ofStatementFrom: 0, at: world.clock.seconds, link: nil)
        #expect(denial?.reason.rawValue == "untrusted_root")
    }

    @Test func whatAClockThatWasAheadDatedOutlivesARotation() throws {
        let world = try World()
        world.pass(seconds: 20)
        let chain = try grant(world, lifetime: 3600)
        world.pass(seconds: -20)
        try rotate(world.authority)
        world.pass(seconds: 30)
        #expect(verdict(try world.guarding(), chain) == "pop_missing")
    }

    @Test(arguments: [10 * 86_400, 100 * 365 * 86_400, -10 * 86_400] as [Int64])
    func rotationsUnderAClockThatIsWrongForAMomentEndNoGrant(off: Int64) throws {
        let world = try World()
        let oldest = try grant(world, lifetime: 3600)
        try rotate(world.authority)
        let chain = try grant(world, lifetime: 3600)
        let follower = try world.authority.guarding(.forTests(world))
        world.pass(seconds: off)
        for _ in 0..<3 { try rotate(world.authority) }
        world.pass(seconds: -off)
        for guardian in [try world.guarding(), follower] {
            #expect(verdict(guardian, oldest) == "pop_missing")
            #expect(verdict(guardian, chain) == "pop_missing")
        }
        #expect(verdict(try world.guarding(), try grant(world, lifetime: 3600)) == "pop_missing")
    }

    @Test func theNextRotationMendsTheDatesOfAClockThatWasAhead() throws {
        let world = try World()
        let chain = try grant(world, lifetime: 3600)
        let old = try #require(try kid(world.authority, .active))
        let year: Int64 = 365 * 86_400
        world.pass(seconds: year)
        try rotate(world.authority)
        world.pass(seconds: -year)
        try rotate(world.authority)
        let now = world.clock.seconds
        let record = try #require(
            try world.authority.registry.read { try $0.keys() }.first { $0.key.thumbprint.isSame(as: old) })
        #expect((record.retiredAt, record.dropAt) == (now, now + 3600))
        #expect(verdict(try world.guarding(), chain) == "pop_missing")
        world.pass(seconds: 3600)
        #expect(try !world.authority.bundle().contains(old))
    }

    @Test func keysThatEndedAreKeptInSmallNumbersAndInNoBundle() throws {
        let world = try World()
        var retired: [String] = []
        for _ in 0..<12 {
            _ = try grant(world, lifetime: 60)
            retired.append(try #require(try kid(world.authority, .active)))
            try rotate(world.authority)
            world.pass(seconds: 61)
        }
        let keys = try world.authority.registry.read { try $0.keys() }.filter { $0.role == .retired }
        #expect(Set(keys.map(\.key.thumbprint)) == Set(retired.suffix(9)), "the last one had not ended at its rotation")
        let bundle = try world.authority.bundle()
        #expect(!retired.contains { bundle.contains($0) })
    }

    @Test func whatIsSignedWhileAnotherProcessRotatesIsSignedAnewAndNotLost() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: "\(directory.path)/a")
        var options = Authority.Options()
        options.clock = world.clock
        let other = try Authority.open(directory: "\(directory.path)/a", options: options)
        let agent = try world.start("search(query: *)")
        for _ in 0..<3 {
            try rotate(other)
            world.pass(seconds: 1)
            let guardian = try world.guarding()
            #expect(verdict(guardian, try grant(world, lifetime: 60)) == "pop_missing")
            try agent.rotateKey()
            let credential = try #require(try agent.credential())
            #expect(try CompactJWS(Array(credential.utf8)).keyID == kid(other, .active))
        }
    }

    @Test func aRetiredKeysPrivateHalfIsGoneAlsoWhereTheOneThatRotatedDied() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/a"
        let world = try World(at: path)
        let old = try #require(try kid(world.authority, .active))
        let file = "\(path)/keys/\(old).jwk"
        let copy = try Data(contentsOf: URL(fileURLWithPath: file))
        try rotate(world.authority)
        #expect(!FileManager.default.fileExists(atPath: file))
        // As if it had been killed between the registry's transaction and the file's removal.
        try copy.write(to: URL(fileURLWithPath: file))
        setMode(file, 0o600)
        try rotate(world.authority)
        #expect(!FileManager.default.fileExists(atPath: file))
    }

    @Test func aBundleSaysWhichOfItsKeysWereRetiredAndRevoked() throws {
        let world = try World()
        let chain = try grant(world, lifetime: 600)
        let old = try #require(try kid(world.authority, .active))
        try rotate(world.authority)
        let told = try world.guarding()
        #expect(verdict(told, chain) == "pop_missing")
        try world.authority.revoke(Revocation(.issuer, old))
        let keys = try JSON(parsing: world.authority.bundle()).root["keys"]?.elements
        let key = try #require(keys?.first { $0["kid"]?.equals(old) == true })
        #expect(key["retired_at"]?.int == Int(world.clock.seconds))
        #expect(key["exp"]?.int == Int(world.clock.seconds) + 600)
        #expect(key["revoked"]?["revoked_at"]?.int == Int(world.clock.seconds))
        try told.addBundle(Array(world.authority.bundle().utf8), for: "acme.example")
        #expect(verdict(told, chain) == "authority_revoked", "a guard elsewhere learns it from the bundle alone")
    }

    @Test func aKidIsAThumbprintOfABundlesKeyAndABareKeysIssuerMayNameItOtherwise() throws {
        let (key, other, holder) = (try SigningKey.generate(), try SigningKey.generate(), try SigningKey.generate())
        var options = Guard.Options()
        options.audience = "g"
        func reason(_ guardian: Guard, _ chain: [UInt8]) -> String? {
            guardian.check(chain: chain, proof: [], tool: "read", arguments: Array("{}".utf8))
                .denial?.reason.rawValue
        }
        let (bare, bundled) = (try Guard(options), try Guard(options))
        try bare.trust([key.publicKey, other.publicKey], issuer: "spiffe://acme.example")
        try bundled.addBundle(HandMade.bundle([key], sequence: 1), for: "acme.example")
        for guardian in [bare, bundled] {
            #expect(reason(guardian, HandMade.root(key, to: holder)) == "pop_missing")
        }
        let renamed = HandMade.root(key, to: holder, keyID: "key-1")
        #expect(reason(bundled, renamed) == "untrusted_root")
        #expect(reason(bare, renamed) == "pop_missing", "AAT -02 lets a kid only select among anchors")
        // What a kid does name is not tried otherwise, and a name that is none of ours spares no revocation.
        let misnamed = HandMade.root(key, to: holder, keyID: other.publicKey.thumbprint)
        #expect(reason(bare, misnamed) == "invalid_signature")
        try bare.revoke(Revocation(.issuer, key.publicKey.thumbprint))
        #expect(reason(bare, renamed) == "authority_revoked")
    }
}
