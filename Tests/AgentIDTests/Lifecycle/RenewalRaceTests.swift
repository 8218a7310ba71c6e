import Glibc
import JOSE
import Scopes
import Synchronization
import Testing

@testable import AgentID

/// Renewals beside everything else that happens to an agent, at the same time: whoever wins, nothing comes back.
@Suite struct RenewalRaceTests: Renewing {
    /// Signs slowly for once, and does something else meanwhile.
    final class Interrupted: Signer {
        let publicKey: PublicKey
        private let key: SigningKey
        private let meanwhile = Locked<(@Sendable () throws -> Void)?>(nil)

        init(_ key: SigningKey) { (self.key, publicKey) = (key, key.publicKey) }

        func interrupt(_ body: @escaping @Sendable () throws -> Void) { meanwhile.withLock { $0 = body } }

        func sign(_ message: [UInt8]) throws -> [UInt8] {
            let body = meanwhile.withLock { $0.take() }
            try body?()
            return try key.sign(message)
        }
    }

    private final class Flag: Sendable { let isOver = Atomic<Bool>(false) }

    /// What happens to an agent between the signature and the transaction that would register it.
    private enum Event: CaseIterable {
        case suspend, end, revokeGrant, revokeKey, rotate, replace, withdraw, narrow, leave
    }

    @Test func whatHappensWhileAGrantIsSignedIsSeenBeforeItIsRegistered() throws {
        for event in Event.allCases {
            let signer = Interrupted(try SigningKey.generate())
            let world = try World { $0.signer = signer }
            // Only as told.
            world.authority.lifecycle.leases.stop()
            let agent = try start(in: world)
            let (id, first) = try (agent.id(), HeldGrant(reading: agent.chainBytes()).grant)
            let child = try agent.spawn("a", .sameScope())
            world.pass(seconds: 160)
            try world.authority.lifecycle.renewLeases()
            let authority = world.authority
            signer.interrupt {
                switch event {
                case .suspend: try authority.suspend(agent: id)
                case .end: _ = try authority.deprovision(agent: id)
                case .revokeGrant: try authority.revoke(Revocation(.grant, first.id))
                case .revokeKey: try authority.revoke(Revocation(.key, first.holder.thumbprint))
                case .rotate: try agent.rotateKey()
                case .replace: try agent.rotateKey(revokingOldKey: true)
                case .withdraw: _ = try authority.withdraw(profile: "researcher")
                case .narrow:
                    try authority.put(
                        Profile(name: "researcher", owner: "team:research@acme.example", ceiling: Scope("search")))
                case .leave: _ = try authority.deprovision(principal: "user:alice@acme.example")
                }
            }
            _ = authority.lifecycle.renewGrants()
            // Nothing was registered but what the event itself made.
            let grants = try authority.registry.read { try $0.grants(of: id) }
            let made = event == .rotate || event == .replace ? 2 : 1
            #expect(grants.count == made, "\(event)")
            switch event {
            case .rotate, .narrow: #expect(try reason(agent) == nil, "\(event)")
            case .replace: #expect(try (reason(agent), reason(child)) == (nil, "authority_revoked"))
            case .suspend: #expect(try reason(child) == "suspended")
            default: #expect((try? reason(agent)) != .some(nil), "\(event)")
            }
            // And afterwards it goes on, or does not.
            try pass(450, in: world)
            switch event {
            case .rotate, .replace: #expect(try reason(agent) == nil, "\(event)")
            case .narrow: #expect(try reason(agent) == "tool_not_authorized")
            default: #expect((try? reason(agent)) != .some(nil), "\(event)")
            }
        }
    }

    @Test func renewalsBesideRotationsSuspensionsAndNewAgentsKeepTheTreeGoing() async throws {
        let world = try World { $0.leaseDuration = 86_400 }
        let agent = try start(in: world, lifetime: 3600)
        var tree = [agent]
        for i in 0..<4 { tree.append(try tree[i].spawn("n\(i)", .sameScope(lifetime: 1800))) }
        let agents = tree
        let flag = Flag()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while !flag.isOver.load(ordering: .relaxed) {
                    _ = world.authority.lifecycle.renewGrants()
                    world.pass(seconds: 100)
                    await Task.yield()
                }
            }
            group.addTask {
                for i in 0..<60 {
                    if i % 10 == 0 { try world.authority.suspend(agent: agent.id()) }
                    if i % 10 == 1 { try world.authority.resume(agent: agent.id()) }
                    // Costs a level of depth each time: of one that has been renewed, too.
                    if i % 30 == 5 { try? agents[4].rotateKey() }
                    _ = try? agents[0].spawn("short", .sameScope(lifetime: 100))
                    try await Task.sleep(for: .milliseconds(1))
                }
                flag.isOver.store(true, ordering: .relaxed)
            }
            try await group.waitForAll()
        }
        for _ in 0..<3 { try world.authority.lifecycle.renew() }
        for agent in agents { #expect(try reason(agent) == nil) }
    }

    @Test func aSignerThatHangsHoldsUpNoLease() async throws {
        let (signer, flag) = (Interrupted(try SigningKey.generate()), Flag())
        var options = Authority.Options()
        (options.trustDomain, options.leaseDuration, options.signer) = ("acme.example", 30, signer)
        let authority = try Authority.open(directory: nil, options: options)
        try authority.put(Profile(name: "p", owner: "team:x", ceiling: Scope("a")))
        let agent = try authority.startAgent(
            profile: "p", AgentRequest(principal: "user:x", task: "t", scope: Scope("a"), lifetime: 3600))
        let hangs = Flag()
        signer.interrupt {
            hangs.isOver.store(true, ordering: .relaxed)
            while !flag.isOver.load(ordering: .relaxed) { usleep(5000) }
        }
        let id = try agent.id()
        func renewed() throws -> Int64 { try authority.registry.read { try $0.lease(of: id) }?.renewed ?? 0 }
        // Its credential is due after half a lease.
        defer { flag.isOver.store(true, ordering: .relaxed) }
        func wait(_ isOver: () throws -> Bool) async throws {
            while try !isOver() {
                try #require(try authority.agents().first?.isLive == true, "no lease was renewed")
                try await Task.sleep(for: .milliseconds(10))
            }
        }
        try await wait { hangs.isOver.load(ordering: .relaxed) }
        for _ in 0..<3 {
            let before = try renewed()
            try await wait { try renewed() != before }
        }
        #expect(try authority.agents().first?.isLive == true)
        withExtendedLifetime(agent) {}
    }

    @Test func aRevocationBesideRenewalsIsFinalForTheWholeTree() async throws {
        for _ in 0..<20 {
            let world = try World { $0.leaseDuration = 86_400 }
            let agent = try start(in: world)
            let child = try agent.spawn("a", .sameScope())
            let grant = try HeldGrant(reading: agent.chainBytes()).grant.id
            world.pass(seconds: 160)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try? world.authority.lifecycle.renew() }
                group.addTask { try world.authority.revoke(Revocation(.grant, grant)) }
                try await group.waitForAll()
            }
            #expect(try (reason(agent), reason(child)) == ("authority_revoked", "authority_revoked"))
            try pass(300, in: world)
            #expect(try (reason(agent) == nil, reason(child) == nil) == (false, false))
        }
    }
}
