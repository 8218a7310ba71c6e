import AgentID
import Scopes
import StrictJSON
import Testing

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

@Suite struct ChainLifeTests {
    let inside = bytes(#"{"path":"/data/q3/public/a.csv"}"#)
    let outside = bytes(#"{"path":"/data/q3/secret.csv"}"#)

    @Test func subAgentIsHeldToItsNarrowerScope() throws {
        let world = try World()
        let agent = try world.start()
        let reader = try agent.spawn(
            "reader", DelegationRequest(scope: Scope("read_file(path under '/data/q3/public')")))
        #expect(try reader.check(tool: "read_file", arguments: inside).isPermitted)
        let denied = try reader.check(tool: "read_file", arguments: outside)
        #expect(denied.denial?.reason.rawValue == "argument_constraint_violated")
        #expect(denied.denial?.link == 1)
        #expect(denied.denial?.argument == "path")
        #expect(!denied.explanation.contains("secret.csv"))
        #expect(try agent.check(tool: "read_file", arguments: outside).isPermitted)
        #expect(try reader.id().hasPrefix(agent.id() + "/reader/"))
    }

    @Test func proofIsGoodForOneCallOfOneHolderAtOneGuard() throws {
        let world = try World()
        let agent = try world.start()
        let thief = try world.start()
        let guardian = try world.guarding()
        let chain = bytes(try agent.chain())
        func reason(_ proof: String, tool: String = "read_file", _ arguments: [UInt8]? = nil) -> String? {
            guardian.check(chain: chain, proof: bytes(proof), tool: tool, arguments: arguments ?? inside).denial?
                .reason.rawValue
        }
        let proof = try agent.prove(tool: "read_file", arguments: inside, audience: "files")
        #expect(reason(proof) == nil)
        #expect(reason(proof) == "replayed")
        #expect(reason("") == "pop_missing")
        #expect(
            try reason(thief.prove(tool: "read_file", arguments: inside, audience: "files")) == "pop_signature_invalid")
        #expect(
            try reason(agent.prove(tool: "read_file", arguments: inside, audience: "mail")) == "pop_recipient_mismatch")
        #expect(try reason(agent.prove(tool: "read_file", arguments: inside)) == "pop_recipient_mismatch")
        #expect(
            try reason(agent.prove(tool: "read_file", arguments: outside, audience: "files")) == "pop_binding_mismatch")
        let late = try agent.prove(tool: "read_file", arguments: inside, audience: "files")
        world.pass(seconds: 31)
        #expect(reason(late) == "pop_stale")
        world.pass(seconds: 300)
        #expect(try reason(agent.prove(tool: "read_file", arguments: inside, audience: "files")) == "expired")
    }

    @Test func revokingAnythingInTheChainStopsWhatDescends() throws {
        let kinds: [(Revocation.Kind, (Agent) throws -> String)] = [
            (.agent, { try $0.id() }), (.key, { try $0.publicKey().thumbprint }),
            (.profile, { _ in "researcher" }), (.principal, { _ in "user:alice@acme.example" }),
        ]
        for (kind, value) in kinds {
            let world = try World()
            let agent = try world.start()
            let child = try agent.spawn("a", .sameScope()).spawn("b", .sameScope())
            #expect(try child.check(tool: "read_file", arguments: inside).isPermitted)
            try world.authority.revoke(Revocation(kind, value(agent)))
            #expect(
                try child.check(tool: "read_file", arguments: inside).denial?.reason.rawValue == "authority_revoked"
            )
        }
    }

    @Test func anyChangedByteOfAnyTokenDenies() throws {
        let world = try World()
        let leaf = try world.start().spawn("a", .sameScope()).spawn("b", .sameScope())
        let guardian = try world.guarding { ($0.audience, $0.acceptsProofsWithoutAudience) = (nil, true) }
        let chain = bytes(try leaf.chain())
        _ = try guardian.admit(chain: chain)
        for i in chain.indices {
            for change in [UInt8(1), 0x20] {
                var tampered = chain
                tampered[i] ^= change
                #expect(throws: Denial.self, "byte \(i)") { _ = try guardian.admit(chain: tampered) }
            }
        }
    }

    @Test func wrongChainsAreDeniedForTheRightReason() throws {
        let world = try World()
        let root = try world.start()
        let (a, b) = (try root.spawn("a", .sameScope()), try root.spawn("b", .sameScope()))
        let grandchild = try a.spawn("c", .sameScope())
        let guardian = try world.guarding()
        func reason(_ tokens: [Substring]) -> String? {
            do { _ = try guardian.admit(chain: bytes(tokens.joined(separator: "~"))) } catch {
                return error.reason.rawValue
            }
            return nil
        }
        let long = try grandchild.chain().split(separator: "~")
        let other = try b.chain().split(separator: "~")
        #expect(reason(long) == nil)
        #expect(reason([long[0], long[2]]) == "invalid_signature")
        #expect(reason([other[0], other[1], long[2]]) == "invalid_signature")
        #expect(reason([long[0], long[1], long[1]]) == "chain_cycle_detected")
        #expect(reason([long[1], long[0]]) == "untrusted_root")
        let foreign = try World().start().chain().split(separator: "~")
        #expect(reason(foreign) == "untrusted_root")
    }

    @Test func handoffReplacesTheKeyAndKeepsWhatWasDelegated() throws {
        let world = try World()
        let agent = try world.start()
        let child = try agent.spawn("reader", .sameScope())
        let before = try agent.publicKey()
        try agent.rotateKey()
        #expect(try agent.publicKey() != before)
        #expect(try agent.check(tool: "read_file", arguments: inside).isPermitted)
        #expect(try child.check(tool: "read_file", arguments: inside).isPermitted)
    }

    @Test func endedAgentHasNoKeyAndItsSubtreeIsDenied() throws {
        let world = try World()
        let agent = try world.start()
        let child = try agent.spawn("reader", .sameScope())
        try agent.end()
        #expect(throws: AgentIDError.self) { try agent.prove(tool: "read_file", arguments: inside) }
        #expect(
            try child.check(tool: "read_file", arguments: inside).denial?.reason.rawValue == "authority_revoked")
    }

    @Test func widerScopeIsRefusedBeforeAnythingIsSigned() throws {
        let world = try World()
        let agent = try world.start()
        #expect(throws: AgentIDError.self) { try agent.spawn("x", DelegationRequest(scope: Scope("search(query: *)"))) }
        let same = try agent.spawn("y", DelegationRequest(scope: Scope("read_file(path under '/')")))
        #expect(try agent.scope().subsumes(same.scope()))
        #expect(throws: AgentIDError.self) {
            try agent.spawn("z", DelegationRequest(scope: Scope("read_file(path under '/etc')")))
        }
    }

    @Test func keyRotationKeepsOldGrantsValid() throws {
        let world = try World()
        let old = try world.start()
        try world.authority.publishKey()
        try world.authority.activateKey()
        let new = try world.start()
        let guardian = try world.guarding()
        for agent in [old, new] { _ = try guardian.admit(chain: bytes(agent.chain())) }
    }
}
