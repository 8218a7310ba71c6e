import JOSE
import StrictJSON
import Scopes
import Testing

@testable import AgentID

/// Nothing that is accepted stops what comes after it.
struct AcceptedTests {
    private let long = ["/bin/true"] + (0..<63).map { _ in String(repeating: "\u{1}", count: 4096) }

    @Test func aHooksCommandThatWouldNotBeReadBackIsRefused() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        let refusal = #expect(throws: AgentIDError.self) {
            try world.authority.add(Hook("siem", action: .command(long)))
        }
        #expect(refusal?.place == "hook.command")
        // Just what may be: all goes on.
        let most = ["/bin/true"] + (0..<10).map { _ in String(repeating: "\u{1}", count: 4096) }
        try world.authority.add(Hook("siem", action: .command(most)))
        let agent = try world.start()
        try agent.end()
        #expect(try world.authority.registry.read { try $0.hooks() }.first?.command == most)
    }

    @Test func aProvidersCommandThatWouldNotBeReadBackIsRefused() throws {
        struct Provider: SecretProvider {
            let releaseCommand: [String]
            func acquire(_ request: SecretRequest) throws -> Secret { try Secret([1].span) }
            func release(_ release: SecretRelease) throws {}
        }
        let authority = try World().authority
        for command in [long, ["relative"], ["/bin/true", "a\u{0}"], ["/bin/true"] + Array(repeating: "a", count: 64)] {
            let refusal = #expect(throws: AgentIDError.self) {
                try authority.add(Provider(releaseCommand: command), named: "vault")
            }
            #expect(refusal?.place == "provider.release_command")
        }
        try authority.add(Provider(releaseCommand: []), named: "vault")
    }

    /// What a callback says of its failure is kept in the registry: so many bytes, not characters.
    @Test func aFailureOfAnyLengthIsKeptInBounds() throws {
        struct Failing: SecretProvider {
            struct Fault: Error, CustomStringConvertible {
                let description = "e" + String(repeating: "\u{301}", count: 200_000)
            }
            let releaseCommand: [String] = []
            func acquire(_ request: SecretRequest) throws -> Secret { throw Fault() }
            func release(_ release: SecretRelease) throws { throw Fault() }
        }
        let world = try World()
        try world.authority.add(Failing(), named: "vault")
        let permit = try world.start().authorize(
            tool: "read_file", arguments: Array(#"{"path":"/data/q3/a"}"#.utf8))
        _ = try? world.authority.acquire(for: permit, from: "vault", resource: "db", timeToLive: 10)
        let lease = try world.authority.registry.read { try $0.brokerLeases(of: nil, limit: 9) }.first
        #expect((1...1000).contains(try #require(lease?.error).utf8.count))
    }

    /// A journal that nobody could fold for long is read to its end: what is not read would be permitted.
    @Test func aJournalOfAnyLengthIsReadToItsEnd() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/journal"
        let epoch = JournalMark.epoch(after: 0)
        let seed = epoch.withUTF8Span { epoch in unsafe epoch.withUnsafeBytes { unsafe XXH64.hash($0, seed: 0) } }
        var bytes = JournalFile.header(epoch)
        let reason = String(repeating: "x", count: 30_000)
        var count = 0
        while bytes.count < 65 << 20 {
            bytes += JournalEntry(.revoke(Revocation(unchecked: .grant, "\(count)")), reason: reason, time: 1)
                .line(seed: seed)
            count += 1
        }
        try Files.replace(path, with: bytes.span, isDurable: false)
        let file = try #require(try JournalFile(opening: path, isWriter: false))
        let (entries, end, damaged) = try file.entries(from: 0, at: path)
        #expect(entries.count == count && end == bytes.count && damaged == nil)
        #expect(entries.last?.end == bytes.count)
    }

    @Test func nothingIsIssuedUnderASigningKeyThatIsRevoked() throws {
        let world = try World()
        let key = try #require(try CompactJWS(Array(world.start().chain().utf8)).keyID)
        try world.authority.revoke(Revocation(.issuer, key))
        #expect(throws: AgentIDError.self) { try world.start() }
        try world.authority.publishKey()
        try world.authority.activateKey()
        let agent = try world.start()
        #expect(
            try agent.check(tool: "read_file", arguments: Array(#"{"path":"/data/q3/a"}"#.utf8)).isPermitted)
    }

    /// Also one whose grants the registry has forgotten.
    @Test func everyFormerKeyGoesWithTheOneThatIsReplaced() throws {
        let world = try World()
        let guardian = try world.authority.guarding(.forTests(world) { $0.audience = "files" })
        let above = try world.authority.startAgent(
            profile: "researcher",
            AgentRequest(
                principal: "user:alice@acme.example", task: "Q3", scope: Scope("read_file(path under '/data/q3')"),
                lifetime: 3600))
        let agent = try world.start()
        try agent.rotateKey()
        let jwk = try agent.withExportedKey { span in span.indices.map { span[$0] } }
        let second = try Agent.open(
            key: SigningKey(jwk: jwk.span), chain: above.delegate(to: agent.publicKey(), .sameScope()),
            clock: world.clock)
        try agent.rotateKey()
        let id = try agent.id()
        // As the registry forgets them when they have expired long ago.
        try world.authority.registry.write { try $0.removeGrants(of: id, expiredBefore: .max) }
        func decide() throws -> String? {
            let call = Array(#"{"path":"/data/q3/a"}"#.utf8)
            let proof = try second.prove(tool: "read_file", arguments: call, audience: "files")
            return guardian.check(chain: try second.chain(), proof: proof, tool: "read_file", arguments: call)
                .denial?.reason.rawValue
        }
        #expect(try decide() == nil)
        try agent.rotateKey(revokingOldKey: true)
        #expect(try decide() == "authority_revoked")
    }
}
