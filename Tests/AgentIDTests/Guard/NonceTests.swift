import JOSE
import Scopes
import Testing

@testable import AgentID

/// Nonces of a guard: issued without memory, good once, for a while, at that guard alone (AAT -02, 7.2, step 7h).
@Suite struct NonceTests {
    private let call = Array(#"{"query":"x"}"#.utf8)

    private func reason(_ agent: Agent, _ guardian: Guard, nonce: String?, as name: String = "files") throws -> String?
    {
        let made = try agent.present(tool: "search", arguments: call, audience: name, nonce: nonce)
        return guardian.check(chain: made.chain, proof: made.proof, tool: "search", arguments: call)
            .denial?.reason.rawValue
    }

    @Test func aProofNeedsANonceOfThisGuardWhereItIsAskedFor() throws {
        let world = try World()
        let agent = try world.start("search(query: *)")
        let guardian = try world.guarding { $0.requiresNonce = true }
        let other = try world.guarding { $0.requiresNonce = true }
        #expect(try reason(agent, guardian, nonce: nil) == "nonce_required")
        let nonce = try guardian.nonce()
        #expect(nonce.utf8.count == 43)
        #expect(try reason(agent, other, nonce: nonce) == "nonce_invalid", "another guard's")
        #expect(try reason(agent, guardian, nonce: nonce) == nil)
        #expect(try reason(agent, guardian, nonce: nonce) == "replayed", "it is good once, by whatever proof")
        for forged in ["", "x", nonce + "A", String(nonce.dropLast()), String(nonce.reversed())] where !forged.isEmpty {
            #expect(try reason(agent, guardian, nonce: forged) == "nonce_invalid", "\(forged)")
        }
        #expect(throws: AgentIDError.self) { try agent.prove(tool: "search", arguments: call, nonce: "") }
    }

    @Test func aProofIsAsLongAsGuardsTake() throws {
        let world = try World()
        let agent = try world.start("search(query: *)")
        let guardian = try world.guarding { _ in }
        func arguments(_ count: Int) -> [UInt8] {
            Array(#"{"query":"\#(String(repeating: "x", count: count))"}"#.utf8)
        }
        var (most, more) = (1000, 200_000)
        while more - most > 1 {
            let middle = (most + more) / 2
            let isMade = (try? agent.prove(tool: "search", arguments: arguments(middle))) != nil
            (most, more) = isMade ? (middle, more) : (most, middle)
        }
        #expect(try (131_070...131_072).contains(agent.prove(tool: "search", arguments: arguments(most)).utf8.count))
        let made = try agent.present(tool: "search", arguments: arguments(most - 30), audience: "files")
        let decision = guardian.check(
            chain: made.chain, proof: made.proof, tool: "search", arguments: arguments(most - 30))
        #expect(decision.isPermitted && made.proof.utf8.count > 131_000)
        let error = #expect(throws: AgentIDError.self) {
            try agent.prove(tool: "search", arguments: arguments(more))
        }
        #expect(error?.name == "input_too_long" && error?.place == "arguments")
    }

    @Test func aProofNamesNoGuardAndNoNonceOfMoreThan256Bytes() throws {
        let agent = try World().start("search(query: *)")
        let (most, more) = (String(repeating: "é", count: 128), String(repeating: "é", count: 128) + "x")
        _ = try agent.prove(tool: "search", arguments: call, audience: most, nonce: most)
        for length in [more, String(repeating: "x", count: 70_000)] {
            for (name, sign) in [
                ("audience", { () throws in _ = try agent.prove(tool: "search", arguments: call, audience: length) }),
                ("nonce", { () throws in _ = try agent.present(tool: "search", arguments: call, nonce: length) }),
            ] {
                let error = #expect(throws: AgentIDError.self) { try sign() }
                #expect(error?.name == name && error?.place == name)
                #expect(error?.message.hasSuffix("has at most 256 bytes") == true)
            }
        }
    }

    @Test func noBitOfANonceMayBeChanged() throws {
        let nonces = SealedNonces(key: Sodium.sipHashKey(), audience: "files", window: 30)
        let good = try Base64URL.decode(nonces.issue(at: 1_790_000_000_000))
        func isAccepted(_ bytes: [UInt8], by nonces: SealedNonces, at now: Int64 = 1_790_000_000_000) -> Bool {
            nonces.accept(Array(Base64URL.encode(bytes).utf8).span, at: now)
        }
        #expect(isAccepted(good, by: nonces))
        for bit in 0..<good.count * 8 {
            var bad = good
            bad[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(!isAccepted(bad, by: nonces), "bit \(bit)")
        }
        #expect(!isAccepted(good, by: SealedNonces(key: Sodium.sipHashKey(), audience: "files", window: 30)))
    }

    @Test func aNonceEndsWithTheWindowAndIsOneGuardsByName() throws {
        let key = Sodium.sipHashKey()
        let (files, mail) = (
            SealedNonces(key: key, audience: "files", window: 30), SealedNonces(key: key, audience: "mail", window: 30)
        )
        let now: Int64 = 1_790_000_000_000
        let nonce = Array(files.issue(at: now).utf8)
        for (distance, isGood) in [(0, true), (30_000, true), (-30_000, true), (30_001, false), (-30_001, false)] {
            let isAccepted = files.accept(nonce.span, at: now + Int64(distance))
            #expect(isAccepted == isGood, "\(distance)")
        }
        let isTaken = mail.accept(nonce.span, at: now)
        #expect(!isTaken, "guards of one memory and of other names are others")
    }

    @Test func aNonceIsUsedOnceAmongAllGuardsThatShareTheirMemory() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        let agent = try world.start("search(query: *)")
        func open(_ name: String = "files") throws -> Guard {
            try Guard.open(
                directory: directory.path,
                .forTests(world) {
                    ($0.requiresNonce, $0.audience, $0.acceptsProofsWithoutAudience) = (true, name, false)
                })
        }
        let (one, two, mail) = (try open(), try open(), try open("mail"))
        let nonce = try one.nonce()
        #expect(try reason(agent, mail, nonce: nonce, as: "mail") == "nonce_invalid")
        #expect(try reason(agent, two, nonce: nonce) == nil, "replicas are one enforcement point")
        #expect(try reason(agent, one, nonce: nonce) == "replayed")
    }

    @Test func aDeniedCallLeavesItsNonceToTheOneThatIsRight() throws {
        let world = try World()
        let agent = try world.start("search(query: *)")
        let guardian = try world.guarding { $0.requiresNonce = true }
        let nonce = try guardian.nonce()
        let made = try agent.present(tool: "read_file", arguments: call, audience: "files", nonce: nonce)
        let denied = guardian.check(chain: made.chain, proof: made.proof, tool: "read_file", arguments: call)
        #expect(denied.denial?.reason.rawValue == "tool_not_authorized")
        #expect(try reason(agent, guardian, nonce: nonce) == nil)
    }

    @Test func issuingCostsNoMemoryAndOneWhoAsksForNoneIssuesNone() throws {
        let world = try World()
        let guardian = try world.guarding { $0.requiresNonce = true }
        let before = guardian.proofs.statistics().remembered
        for _ in 0..<10_000 { _ = try guardian.nonce() }
        #expect(guardian.proofs.statistics().remembered == before)
        let error = #expect(throws: AgentIDError.self) { try world.guarding().nonce() }
        #expect(error?.name == "no_nonce")
    }

    @Test func inThisProcessNobodyAsksForOne() throws {
        let world = try World()
        let agent = try world.start("search(query: *)")
        let guardian = try world.guarding { $0.requiresNonce = true }
        #expect(try guardian.check(agent, tool: "search", arguments: call).isPermitted)
    }
}
