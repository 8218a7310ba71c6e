import Foundation
import JOSE
import Scopes
import Testing

@testable import AgentID

/// Keys and names that a holder makes up offline: each is stopped, and whoever makes too many of them is.
@Suite struct UnregisteredStopTests {
    private let scope = "read_file(path under '/data/q3'); search(query: *)"
    private let directory: TemporaryDirectory
    private let world: World
    private let guardian: Guard

    init() throws {
        directory = try TemporaryDirectory()
        world = try World(at: directory.path)
        try world.authority.applyPolicy(
            Array(
                #"{"version":1,"rules":[{"id":"few","match":"read_file","then":"suspend","#.utf8)
                + Array(#""rate":{"calls":1,"per":"1d","for":"agent"}}]}"#.utf8))
        guardian = try world.authority.guarding(.forTests(world))
    }

    private func hand(_ holder: Agent, as name: String? = nil) throws -> Agent {
        let key = try SigningKey.generate()
        let chain = try holder.delegate(to: key.publicKey, .sameScope(agent: name))
        return try Agent.open(key: key, chain: chain, clock: world.clock)
    }

    /// - Parameter tool: No rule is about `search`.
    private func ask(_ agent: Agent, _ tool: String = "search") throws -> Decision {
        let call = Array((tool == "search" ? #"{"query":"q"}"# : #"{"path":"/data/q3/a"}"#).utf8)
        let proof = try agent.prove(tool: tool, arguments: call)
        return guardian.check(
            chain: Array(try agent.chain().utf8), proof: Array(proof.utf8), tool: tool, arguments: call)
    }

    /// Calls until the line is crossed. Those without a name share a rate with whoever handed on to them.
    private func stray(_ agent: Agent) throws -> AgentStop? {
        try ask(agent, "read_file").stop ?? ask(agent, "read_file").stop
    }

    @Test(arguments: [true, false])
    func whoHandsOnToTooManyThatStrayIsStoppedWithTheLast(_ isNamed: Bool) throws {
        let agent = try world.start(scope)
        let (id, sibling) = (try agent.id(), try hand(agent))
        for round in 0..<2 {
            for i in 0..<UnregisteredStops.most {
                let stop = try stray(hand(agent, as: isNamed ? "\(id)/made-up-\(round)-\(i)" : nil))
                #expect(stop?.stopped.contains(id) == false && stop?.stopped.count == 1)
            }
            // Nobody has to answer for what others of its rank did.
            #expect(try ask(agent).isPermitted)
            let last = try hand(agent, as: isNamed ? "\(id)/last-\(round)" : nil)
            let stop = try #require(try stray(last))
            #expect(stop.stopped.contains(id) && stop.stopped.count == 2)
            #expect(try ask(sibling).denial?.reason.rawValue == "suspended")
            // Counted anew.
            try world.authority.resume(agent: id)
            #expect(try ask(sibling).isPermitted)
            #expect(try ask(last).denial?.reason.rawValue == "authority_revoked")
        }
        #expect(try world.authority.revocations().count == 2 * (UnregisteredStops.most + 1))
    }

    @Test(arguments: [true, false]) func aHolderThatMakesUpOthersIsStoppedAndNotWhoHandedOnToIt(_ isNamed: Bool) throws
    {
        let agent = try world.start(scope)
        let id = try agent.id()
        let (maker, other) = (try hand(agent, as: isNamed ? "\(id)/maker" : nil), try hand(agent))
        func made(_ i: Int) throws -> Agent { try hand(maker, as: isNamed ? "\(id)/maker/\(i)" : nil) }
        for i in 0..<UnregisteredStops.most { #expect(try stray(made(i))?.stopped.count == 1) }
        let stop = try #require(try stray(made(99)))
        #expect(stop.stopped == [isNamed ? "\(id)/maker" : try maker.current().key.thumbprint])
        #expect(try ask(made(100)).denial?.reason.rawValue == "authority_revoked")
        #expect(try ask(maker).denial?.reason.rawValue == "authority_revoked")
        #expect(try ask(other).isPermitted && ask(agent).isPermitted)
    }

    @Test(arguments: [true, false])
    func aRevokedNameThatWasMadeUpGoesWithTheGrantsThatItHungOn(_ isOnDisk: Bool) throws {
        let world = try World(at: isOnDisk ? directory.path + "/second" : nil)
        let (agent, other) = (try world.start(), try world.start())
        let (id, name) = (try agent.id(), try agent.id() + "/made-up")
        try world.authority.revoke(Revocation(.agent, name))
        try world.authority.revoke(Revocation(.agent, other.id() + "/made-up"))
        func isListed(_ name: String) throws -> Bool {
            let parts = try world.authority.revocationList().split(separator: ".")
            return String(decoding: try Base64URL.decode(String(parts[1])), as: UTF8.self).contains(name)
        }
        #expect(try isListed(name))
        _ = try world.authority.deprovision(agent: id, reason: "done")
        world.pass(seconds: 7200)
        #expect(try !isListed(name), "all grants that it could hang on are over")
        #expect(try world.authority.prune(endedBefore: world.clock.milliseconds / 1000 - 3600) >= 1)
        let (left, kept) = (try world.authority.revocations().map(\.value), try other.id() + "/made-up")
        #expect(!left.contains(name) && left.contains(kept))
    }
}
