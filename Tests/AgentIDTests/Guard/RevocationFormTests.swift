import JOSE
import StrictJSON
import Scopes
import Testing

@testable import AgentID

/// What is revoked can be there by its form; and whether it is known to be there is said.
struct RevocationFormTests {
    @Test(arguments: [
        (
            Revocation.Kind.agent,
            ["researcher", "spiffe://Acme.example/agent/x", "spiffe://acme.example/agent/x ", ""]
        ),
        (
            .key,
            [
                "k", "", mostOfAKey, mostOfAKey + "AA", "\u{212A}" + mostOfAKey, mostOfAKey + "B",
                "urn:ietf:params:oauth:jwk-thumbprint:sha-256:k",
            ]
        ),
        (.issuer, ["k", "", String(repeating: "A", count: 42) + "="]),
        (.profile, ["", "a b", "a/b", String(repeating: "a", count: 129)]),
        (.principal, ["", "alice", "user:", "user:alice bob", ":x", "user:\u{E9}"]),
        (.grant, ["", String(repeating: "g", count: 257)]),
    ])
    func whatCannotBeThereByItsFormIsRefusedWithTheRule(_ kind: Revocation.Kind, _ values: [String]) throws {
        for value in values {
            let error = #expect(throws: AgentIDError.self, "\(value)") { try Revocation(kind, value) }
            #expect(error?.name == "revocation" && error?.place == "value" && error?.code == .argument, "\(value)")
            #expect(error?.message.contains("named by") == true)
        }
    }

    private static let mostOfAKey = String(repeating: "A", count: 42)

    @Test func whatTheRegistryDoesNotHaveIsRevokedAndSaidToBeUnknown() throws {
        let world = try World()
        let authority = world.authority
        let agent = try world.start()
        let first = try agent.publicKey().thumbprint
        try agent.rotateKey()
        let chain = try agent.chain()
        let root = try #require(chain.utf8.split(separator: UInt8(ascii: "~")).first)
        let jws = try CompactJWS(Array(root))
        let grant = try #require(try jws.payload().root["jti"]?.string)
        let known: [(Revocation.Kind, String)] = [
            (.agent, try agent.id()), (.agent, "spiffe://acme.example/agent/researcher"),
            (.key, try agent.publicKey().thumbprint), (.key, first),
            (.grant, grant), (.profile, "researcher"), (.principal, "user:alice@acme.example"),
            (.principal, "team:research@acme.example"), (.issuer, try #require(jws.keyID)),
        ]
        let unknown: [(Revocation.Kind, String)] = [
            (.agent, try agent.id() + "0"), (.agent, "spiffe://acme.example/agent/research"),
            (.key, String(repeating: "A", count: 43)), (.grant, "nobody"), (.profile, "Researcher"),
            (.principal, "user:alice@acme.exampl"), (.issuer, first),
        ]
        for (kind, value) in unknown { #expect(try authority.revoke(Revocation(kind, value)) == false, "\(value)") }
        #expect(try agent.check(tool: "read_file", arguments: Array(#"{"path":"/data/q3/a"}"#.utf8)).isPermitted)
        #expect(try authority.revocations().count == unknown.count)
        for (kind, value) in known { #expect(try authority.revoke(Revocation(kind, value)) == true, "\(value)") }
        // An owner of a profile under which nobody was started.
        try authority.put(Profile(name: "idle", owner: "team:idle@acme.example", ceiling: Scope("search(query: *)")))
        #expect(try authority.revoke(Revocation(.principal, "team:idle@acme.example")) == true)
    }

    @Test func anEventSaysWhatKindOfThingWasRevokedWhateverTheReason() throws {
        let registry = try World().authority.registry
        let event = try registry.read { registry in
            try LifecycleEvent(
                of: Revocation(.issuer, String(repeating: "A", count: 43)), at: 1, reason: "stolen", in: registry)
        }
        let said = try JSON(parsing: event.tree.canonical()).root
        #expect(said["revoked"]?.equals("issuer") == true && said["reason"]?.equals("stolen") == true)
    }
}
