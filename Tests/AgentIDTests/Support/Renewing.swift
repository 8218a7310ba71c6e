import JOSE
import StrictJSON
import Scopes
import Synchronization
import Testing

@testable import AgentID

/// What tests of renewal have in common.
protocol Renewing {}

extension Renewing {
    var inside: [UInt8] { bytes(#"{"path":"/data/q3/a"}"#) }

    func reason(_ agent: Agent) throws -> String? {
        try agent.check(tool: "read_file", arguments: inside).denial?.reason.rawValue
    }

    func start(
        in world: World, lifetime: Int64 = 300, until: Int64? = nil,
        _ scope: String = "read_file(path under '/data/q3'); search(query: *)"
    ) throws -> Agent {
        try world.authority.startAgent(
            profile: "researcher",
            AgentRequest(
                principal: "user:alice@acme.example", task: "t", scope: Scope(scope), lifetime: lifetime, until: until,
                labels: ["secret"]))
    }

    /// Time goes by as the threads see it: in steps in which leases and grants are renewed.
    func pass(_ seconds: Int64, in world: World, step: Int64 = 75) throws {
        for _ in 0..<(seconds / step) {
            world.pass(seconds: step)
            try world.authority.lifecycle.renew()
        }
    }

    func listed(_ agent: Agent, in world: World) throws -> AgentDescription {
        let id = try agent.id()
        return try #require(try world.authority.agents().first { $0.id.isSame(as: id) })
    }

    func rows(of agent: Agent, in world: World) throws -> [GrantRecord] {
        let id = try agent.id()
        return try world.authority.registry.read { try $0.grants(of: id) }
    }
}

/// A signer that can be told to fail.
final class Moody: Signer {
    let publicKey: PublicKey
    let fails = Atomic<Bool>(false)
    private let key: SigningKey

    init(_ key: SigningKey) { (self.key, publicKey) = (key, key.publicKey) }

    func sign(_ message: [UInt8]) throws -> [UInt8] {
        if fails.load(ordering: .relaxed) { throw AgentIDError(.signer, name: "signer_failed", message: "moody") }
        return try key.sign(message)
    }
}
