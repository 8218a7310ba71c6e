import Glibc
import JOSE
import Scopes
import Synchronization
import Testing

@testable import AgentID

/// Grants are short, and made anew as long as their agent is held and may go on.
@Suite struct GrantRenewalTests: Renewing {
    @Test func anAgentThatIsHeldOutlivesItsFirstGrantWithAllBelowIt() throws {
        let world = try World()
        let agent = try start(in: world)
        var tree = [agent]
        for i in 0..<4 { tree.append(try tree[i].spawn("n\(i)", .sameScope())) }
        let (first, key, scope) = try (agent.chain(), agent.publicKey(), agent.scope())
        try pass(7200, in: world)
        for agent in tree { #expect(try reason(agent) == nil) }
        #expect(try agent.chain() != first)
        #expect(try (agent.publicKey(), agent.scope()) == (key, scope))
        // As short as before, with the same mandate.
        let held = try HeldGrant(reading: agent.chainBytes())
        #expect(held.grant.expires - held.grant.issuedAt == 300)
        #expect(try agent.expires() == held.grant.expires)
        #expect(held.grant.claim?.task == "t" && held.grant.claim?.labels == ["secret"])
        #expect(held.grant.depth == 0 && held.grant.maxDepth == 4)
        #expect(try listed(agent, in: world).isLive)
    }

    @Test func whatWasSentStaysGoodUntilItEnds() throws {
        let world = try World()
        let agent = try start(in: world)
        let guardian = try world.authority.guarding(Guard.Options.forTests(world))
        let apart = try world.guarding {
            $0.acceptsProofsWithoutAudience = true; $0.audience = nil
        }
        let first = try bytes(agent.chain())
        try pass(225, in: world)
        #expect(try bytes(agent.chain()) != first)
        for guardian in [guardian, apart] {
            _ = try guardian.admit(chain: first)
            _ = try guardian.admit(chain: bytes(agent.chain()))
        }
        try pass(75, in: world)
        for guardian in [guardian, apart] {
            #expect(throws: Denial.self) { try guardian.admit(chain: first) }
            _ = try guardian.admit(chain: bytes(agent.chain()))
        }
    }

    @Test func nothingIsRenewedPastTheHardEnd() throws {
        let world = try World()
        let now = world.hand.milliseconds.load(ordering: .relaxed) / 1000
        let agent = try start(in: world, until: now + 1000)
        let child = try agent.spawn("a", .sameScope(until: now + 500))
        try pass(450, in: world)
        #expect(try (reason(agent), reason(child)) == (nil, nil))
        #expect(try child.expires() == now + 500)
        try pass(75, in: world)
        #expect(try (reason(agent), reason(child)) == (nil, "expired"))
        try pass(450, in: world)
        #expect(try agent.expires() == now + 1000)
        try pass(75, in: world)
        #expect(try reason(agent) == "expired")
        let shown = try listed(agent, in: world)
        #expect((shown.state, shown.isLive, shown.isExpired, shown.grantExpires) == ("active", false, true, now + 1000))
    }

    @Test func aHardEndIsRefusedInThePastAndAfterTheReview() throws {
        let world = try World()
        let now = world.hand.milliseconds.load(ordering: .relaxed) / 1000
        try world.authority.put(
            Profile(name: "researcher", owner: "team:x", ceiling: Scope("read_file"), reviewBy: now + 5000))
        for until in [Int64.min, 0, now, now + 5001, .max] {
            do {
                _ = try start(in: world, until: until, "read_file")
                Issue.record("accepted \(until)")
            } catch let error as AgentIDError { #expect((error.name, error.place) == ("until", "options.until")) }
        }
        let agent = try start(in: world, until: now + 5000, "read_file")
        #expect(throws: AgentIDError.self) { try agent.spawn("a", .sameScope(until: now)) }
        // One that is held elsewhere ends then, too.
        let key = try SigningKey.generate().publicKey
        let chain = try agent.delegate(to: key, .sameScope(until: now + 7))
        #expect(try HeldGrant(reading: bytes(chain)).grant.expires == now + 7)
    }

    @Test func aClockThatIsWrongForAMomentEndsNobody() throws {
        let world = try World { $0.leaseDuration = 86_400 }
        let agent = try start(in: world)
        let child = try agent.spawn("a", .sameScope())
        let guardian = try world.authority.guarding(Guard.Options.forTests(world))
        func isGood(_ agent: Agent) throws -> Bool {
            let fresh = try world.authority.guarding(Guard.Options.forTests(world))
            return (try? fresh.admit(chain: bytes(agent.chain()))) != nil
        }
        // What was sent before stays good: it has not expired. Not the first, which is kept in any case.
        try pass(225, in: world)
        let sent = try bytes(agent.chain())
        // Ahead, within the lease, and back again: what was dated then is good only then, and made anew.
        world.pass(seconds: 40_000)
        try world.authority.lifecycle.renew()
        #expect(try isGood(agent) && isGood(child))
        world.pass(seconds: -40_000)
        try world.authority.lifecycle.renew()
        #expect(try isGood(agent) && isGood(child))
        _ = try world.authority.guarding(Guard.Options.forTests(world)).admit(chain: sent)
        // Beyond it: not renewed, and not forgotten.
        world.pass(seconds: 1_000_000)
        try world.authority.lifecycle.renew()
        world.pass(seconds: -1_000_000)
        try pass(900, in: world)
        #expect(try isGood(agent) && isGood(child))
        withExtendedLifetime(guardian) {}
    }

    @Test func expiredGrantsOfALiveAgentDoNotPileUp() throws {
        let world = try World()
        let agent = try start(in: world)
        let child = try agent.spawn("a", .sameScope())
        try pass(86_400, in: world)
        for agent in [agent, child] { #expect(try rows(of: agent, in: world).count < 30) }
        let id = try agent.id()
        try agent.end()
        let gone = try world.authority.verifyGone(agent: id)
        #expect(gone.isGone)
    }

    @Test func renewalDoesNotMakeGuardsLookAgain() throws {
        let world = try World()
        let agent = try start(in: world)
        let before = (world.authority.registry.changes, try world.authority.registry.read { try $0.meta().sequence })
        try pass(450, in: world)
        let after = (world.authority.registry.changes, try world.authority.registry.read { try $0.meta().sequence })
        #expect(before == after)
        #expect(try reason(agent) == nil)
    }

    @Test func aThousandAgentsAreRenewedInAFewTransactions() throws {
        let world = try World()
        let agents = try (0..<1000).map { _ in try start(in: world) }
        world.pass(seconds: 160)
        try world.authority.lifecycle.renew()
        for agent in agents { #expect(try agent.expires() == 1_790_000_460) }
    }

    @Test func aSignerThatFailsIsAskedAgainAndTheFailureIsShown() throws {
        let key = try SigningKey.generate()
        let signer = Moody(key)
        let world = try World { $0.signer = signer }
        let agent = try start(in: world)
        signer.fails.store(true, ordering: .relaxed)
        try pass(225, in: world)
        #expect(try rows(of: agent, in: world).count == 1)
        #expect(try listed(agent, in: world).renewalFailure?.isEmpty == false)
        signer.fails.store(false, ordering: .relaxed)
        try pass(150, in: world)
        #expect(try reason(agent) == nil)
        #expect(try listed(agent, in: world).renewalFailure == nil)
    }

    @Test func theThreadRenewsWithoutBeingAsked() async throws {
        var options = Authority.Options()
        options.trustDomain = "acme.example"
        let authority = try Authority.open(directory: nil, options: options)
        try authority.put(Profile(name: "p", owner: "team:x", ceiling: Scope("a")))
        let agent = try authority.startAgent(
            profile: "p", AgentRequest(principal: "user:x", task: "t", scope: Scope("a"), lifetime: 2))
        let child = try agent.spawn("c", .sameScope())
        let first = try (agent.expires(), child.expires())
        while try agent.expires() == first.0 || child.expires() == first.1 {
            try await Task.sleep(for: .milliseconds(20))
        }
        withExtendedLifetime(agent) {}
    }
}

extension GrantRenewalTests {
    /// The machine slept, or its clock was set: the thread that renews would look in a minute.
    @Test(arguments: [false, true]) func aDeniedCallHasAGrantThatIsOverMadeAnew(wasAsked: Bool) throws {
        let world = try World { $0.leaseDuration = 3600 }
        let agent = try start(in: world)
        let child = try agent.spawn("a", .sameScope())
        if wasAsked { #expect(try reason(child) == nil) }
        let start = MonotonicClock.milliseconds
        world.pass(seconds: 400)
        while try reason(child) != nil, MonotonicClock.milliseconds - start < 50_000 { usleep(1000) }
        #expect(MonotonicClock.milliseconds - start < 50_000)
        #expect(try reason(agent) == nil)
    }

    @Test func aClockThatIsWrongForAMomentDatesNoGrant() throws {
        // Anew where the machine was so busy that it was wrong for longer.
        while try !looksAtAClockThatIsWrongForMoments() {}
    }

    private func looksAtAClockThatIsWrongForMoments() throws -> Bool {
        let world = try World { $0.leaseDuration = 3600 }
        let agent = try start(in: world)
        let chain = try agent.chain()
        for wrong: Int64 in [600, -600, 600, 1000, -1000, 400, -400] {
            let begun = MonotonicClock.milliseconds
            world.pass(seconds: wrong)
            let seen = try reason(agent)
            usleep(20_000)
            world.pass(seconds: -wrong)
            guard MonotonicClock.milliseconds - begun < ClockWatch.settling / 2 else { return false }
            #expect(seen != nil)
            #expect(try reason(agent) == nil)
        }
        #expect(try agent.chain() == chain)
        return true
    }

    private final class Counting: Signer {
        let key: SigningKey
        let count = Atomic(0)
        var publicKey: PublicKey { key.publicKey }
        init(_ key: SigningKey) { self.key = key }
        func sign(_ message: [UInt8]) throws -> [UInt8] {
            // Tokens, and not the log's checkpoints.
            if message.starts(with: "eyJ".utf8) { count.add(1, ordering: .relaxed) }
            return key.sign(message.span)
        }
    }

    @Test func whatALockedRegistryDoesNotTakeIsNotSignedAgainAtOnce() throws {
        let directory = try TemporaryDirectory()
        let signer = Counting(try SigningKey.generate())
        let world = try World(at: directory.path + "/acme") { ($0.signer, $0.leaseDuration) = (signer, 3600) }
        let agent = try start(in: world)
        let other = try SQLite(path: directory.path + "/acme/registry.db", .write, busyMilliseconds: 10_000)
        try other.script("BEGIN IMMEDIATE")
        world.pass(seconds: 400)
        let lifecycle = world.authority.lifecycle
        #expect(lifecycle.renewGrants() == 10_000)
        let before = signer.count.load(ordering: .relaxed)
        // Nor for each call that is denied meanwhile.
        let start = MonotonicClock.milliseconds
        while MonotonicClock.milliseconds - start < 6000 {
            #expect(try reason(agent) == "expired")
            usleep(100_000)
        }
        // A grant and a credential; and once more, where a round had begun.
        #expect(signer.count.load(ordering: .relaxed) <= before + 4)
        try other.script("ROLLBACK")
        _ = lifecycle.renewGrants()
        #expect(try reason(agent) == nil)
        // One that lives a minute cannot wait so long.
        let short = try self.start(in: world, lifetime: 60)
        try other.script("BEGIN IMMEDIATE")
        world.pass(seconds: 61)
        #expect(lifecycle.renewGrants() == 6000)
        try other.script("ROLLBACK")
        withExtendedLifetime(short) {}
    }
}
