import AgentID
import JOSE
import Scopes
import Synchronization
import Testing

/// An authority whose key is elsewhere (HSM, KMS).
@Suite struct SignerTests {
    /// Signs with a key of its own, until it is told to fail or to lie.
    final class Elsewhere: Signer {
        enum Mood: Int { case right, failing, lying }
        struct Unplugged: Error {}
        let key: SigningKey
        let mood = Atomic(Mood.right.rawValue)
        init() throws { key = try SigningKey.generate() }
        var publicKey: PublicKey { key.publicKey }
        func sign(_ message: [UInt8]) throws -> [UInt8] {
            switch Mood(rawValue: mood.load(ordering: .relaxed)) {
            case .failing: throw Unplugged()
            case .lying: return [UInt8](repeating: 0, count: 64)
            default: return key.sign(message.span)
            }
        }
    }

    @Test func everySignatureOfACallersSignerIsVerifiedBeforeItIsUsed() throws {
        let signer = try Elsewhere()
        var options = Authority.Options()
        (options.trustDomain, options.signer) = ("acme.example", signer)
        let authority = try Authority.open(directory: nil, options: options)
        try authority.put(Profile(name: "a", owner: "team:a", ceiling: Scope("read_file(path: *)")))
        let request = AgentRequest(principal: "user:a", task: "t", scope: try Scope("read_file(path: *)"))
        let agent = try authority.startAgent(profile: "a", request)
        #expect(try agent.check(tool: "read_file", arguments: Array(#"{"path":"x"}"#.utf8)).isPermitted)
        for mood in [Elsewhere.Mood.failing, .lying] {
            signer.mood.store(mood.rawValue, ordering: .relaxed)
            #expect {
                _ = try authority.startAgent(profile: "a", request)
            } throws: { ($0 as? AgentIDError)?.code == .signer }
        }
        signer.mood.store(Elsewhere.Mood.right.rawValue, ordering: .relaxed)
        #expect(throws: AgentIDError.self) { try authority.publishKey() }
        _ = try authority.startAgent(profile: "a", request)
    }
}
