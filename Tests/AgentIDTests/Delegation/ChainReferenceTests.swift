import AgentID
import JOSE
import Testing

/// A chain by its reference: what a guard finds by it is a chain that it verified, judged anew.
@Suite struct ChainReferenceTests {
    private func reason(_ world: Presenting, _ chain: [UInt8], leaf: [UInt8]) throws -> String? {
        world.reason([chain], try world.proof(under: leaf))
    }

    private func reference(_ chain: [UInt8]) throws -> [UInt8] { Array(try ChainReference.of(chain).utf8) }

    @Test func itIsTheHashThatProofsSay() throws {
        let world = try Presenting()
        let root = world.root()
        let leaf = try world.child(of: root)
        let chain = root + [UInt8(ascii: "~")] + leaf
        #expect(try ChainReference.of(chain) == "sha-256=" + CompactJWS(leaf).signingInputHash)
        #expect(try reference(chain).count == 51 && reference(chain) != reference(root))
        let wrong = #expect(throws: AgentIDError.self) {
            try ChainReference.of("\(String(decoding: root, as: UTF8.self))~a")
        }
        #expect(wrong?.place == "chain[1]")
    }

    @Test func onlyWhatVerifiedIsRemembered() throws {
        let world = try Presenting()
        let root = world.root()
        var forged = root
        forged[root.count - 20] ^= 1
        #expect(world.reason([forged], []) != "pop_missing")
        let unknown = world.decide([try reference(root)], try world.proof(under: root))
        #expect(unknown?.reason.rawValue == "chain_unknown" && unknown?.place == "chain")
        #expect(unknown?.message.contains("send the whole chain once") == true)
        // Remembered by a call that was denied for another reason.
        #expect(world.reason([root], []) == "pop_missing")
        #expect(try reason(world, reference(root), leaf: root) == nil)
        #expect(world.reason([try reference(root)], []) == "pop_missing", "a reference is no proof")
        let child = try world.child(of: root)
        #expect(try reason(world, reference(root), leaf: child) == "pop_token_mismatch")
    }

    @Test func aPresentationCarriesOne() throws {
        let world = try Presenting()
        let root = world.root()
        #expect(try reason(world, root, leaf: root) == nil)
        let short = Presentation(
            chain: String(decoding: try reference(root), as: UTF8.self),
            proof: String(decoding: try world.proof(under: root), as: UTF8.self))
        let decision = world.guardian.check(
            presentation: Array(short.json.utf8), tool: "read", arguments: world.arguments)
        #expect(decision.isPermitted)
    }

    @Test func whatEndedIsDeniedByItsReference() throws {
        let world = try World()
        let guardian = try world.guarding()
        let agent = try world.start("search(query: *)")
        let call = Array(#"{"query":"x"}"#.utf8)
        let (chain, reference) = (try agent.chain(), try agent.chainReference())
        func reason(_ chain: String) throws -> String? {
            guardian.check(
                chain: chain, proof: try agent.prove(tool: "search", arguments: call, audience: "files"),
                tool: "search",
                arguments: call
            ).denial?.reason.rawValue
        }
        #expect(try reason(chain) == nil && reason(reference) == nil)
        world.pass(seconds: 7200)
        #expect(try reason(reference) == "expired")
        let other = try world.start("search(query: *)")
        _ = try guardian.admit(chain: Array(other.chain().utf8))
        _ = try guardian.admit(chain: Array(other.chainReference().utf8))
        guardian.revoke(try Revocation(.agent, other.id()))
        #expect(throws: Denial.self) { try guardian.admit(chain: Array(other.chainReference().utf8)) }
    }

    @Test func aKeyThatLeftItsBundleIsNotTrustedByReference() throws {
        let (old, new, holder) = (try SigningKey.generate(), try SigningKey.generate(), try SigningKey.generate())
        let guardian = try Guard(.named)
        try guardian.addBundle(HandMade.bundle([old], sequence: 1), for: "acme.example")
        let root = HandMade.root(old, to: holder)
        _ = try guardian.admit(chain: root)
        let reference = try reference(root)
        _ = try guardian.admit(chain: reference)
        try guardian.addBundle(HandMade.bundle([new], sequence: 2), for: "acme.example")
        let denial = #expect(throws: Denial.self) { try guardian.admit(chain: reference) }
        #expect(denial?.reason.rawValue == "untrusted_root")
    }

    @Test func onlyValidChainsPushOthersOut() throws {
        let world = try Presenting { $0.cacheEntries = 8 }
        let root = world.root()
        #expect(try reason(world, root, leaf: root) == nil)
        for _ in 0..<50 {
            let stranger = try Presenting()
            #expect(world.reason([stranger.root()], []) != "pop_missing")
        }
        #expect(try reason(world, reference(root), leaf: root) == nil)
        // What is used stays, the rest goes: then it comes whole, once.
        for i in 0..<50 {
            let child = try world.child(of: root) { $0["jti"] = .string("c\(i)") }
            #expect(world.reason([root, child], []) == "pop_missing")
            if i < 25 { #expect(try reason(world, reference(root), leaf: root) == nil) }
        }
        #expect(try reason(world, reference(root), leaf: root) == "chain_unknown")
        #expect(try reason(world, root, leaf: root) == nil)
        #expect(try reason(world, reference(root), leaf: root) == nil)
    }

    @Test func whatNeedsACredentialHasNone() throws {
        let world = try World()
        let guardian = try world.guarding()
        let (parent, child) = (try world.start(), try world.start())
        let chain = try parent.delegate(to: child.publicKey(), .sameScope(agent: child.id()))
        let credential = Array((try child.credential() ?? "").utf8)
        _ = try guardian.admit(chain: Array(chain.utf8), credentials: credential)
        let reference = Array(try ChainReference.of(chain).utf8)
        let denial = #expect(throws: Denial.self) { try guardian.admit(chain: reference, credentials: credential) }
        #expect(denial?.reason.rawValue == "chain_unknown")
    }
}
