import StrictJSON
import Synchronization
import Testing

@testable import AgentID

/// `reap` ends whoever is gone, and nobody else: by two clocks, whichever of them is wrong.
@Suite struct ReapTests {
    let world: World
    private var path: String { world.path }

    init() throws { world = try .inDirectory() }

    /// The authority as another process has it open, whose wall clock is ahead.
    private func other(ahead: Int64, boot: String = "run", slept: Int64 = 0) throws -> Authority {
        var options = Authority.Options()
        let hand = world.hand
        options.clock = CallbackClock { hand.milliseconds.load(ordering: .relaxed) + ahead }
        options.steadyClock = SteadyClock {
            SteadyTime(boot: boot, milliseconds: hand.milliseconds.load(ordering: .relaxed) + slept)
        }
        return try Authority.open(directory: path, options: options)
    }

    @Test func aProcessWhoseClockIsAheadEndsNobodyWhomOthersHold() throws {
        let agent = try world.start()
        let ahead = try other(ahead: 86_400_000)
        #expect(try ahead.reap() == 0)
        #expect(try world.authority.agents().first?.isLive == true)
        try world.authority.lifecycle.renewLeases()
        #expect(try ahead.reap() == 0)
        let permits = try agent.check(tool: "read_file", arguments: bytes(#"{"path":"/data/q3/a"}"#))
        #expect(permits.denial == nil)
        // Its holder is gone, and the steady clock says so too.
        agent.close()
        world.pass(seconds: 301)
        #expect(try ahead.reap() == 1)
    }

    @Test func aLeaseRunsOnAfterItsHoldersClockWasBehind() throws {
        let behind = try other(ahead: -86_400_000)
        let agent = try world.start(from: behind)
        #expect(try world.authority.reap() == 0)
        withExtendedLifetime(agent) {}
    }

    /// A holder whose wall clock is told by hand, and that renews only as told.
    private func holder(_ wrong: World.Hand) throws -> Authority {
        var options = Authority.Options()
        let hand = world.hand
        options.clock = CallbackClock {
            hand.milliseconds.load(ordering: .relaxed) + wrong.milliseconds.load(ordering: .relaxed)
        }
        options.steadyClock = world.steadyClock
        let holder = try Authority.open(directory: path, options: options)
        holder.lifecycle.leases.stop()
        return holder
    }

    private func reason(_ agent: Agent) throws -> String? {
        try agent.check(tool: "read_file", arguments: bytes(#"{"path":"/data/q3/a"}"#)).denial?.reason.rawValue
    }

    @Test(arguments: [-86_400_000, -600_000, -301_000])
    func agentsOfAClockThatWasBehindGoOnOnceItIsRight(_ behind: Int64) throws {
        let wrong = World.Hand()
        wrong.milliseconds.store(behind, ordering: .relaxed)
        let holder = try holder(wrong)
        let agent = try world.start(from: holder)
        try holder.lifecycle.renew()
        #expect(try reason(agent) == nil)
        wrong.milliseconds.store(0, ordering: .relaxed)
        #expect(try reason(agent) != nil)
        // The first round sees the step, the next one that it stays.
        for _ in 1...2 {
            world.pass(seconds: 100)
            try holder.lifecycle.renew()
        }
        #expect(try reason(agent) == nil)
        #expect(try world.authority.reap() == 0)
        // Frozen past its lease, by both clocks: nothing is renewed any more.
        world.pass(seconds: 301)
        for _ in 1...3 { try holder.lifecycle.renew() }
        #expect(try reason(agent) != nil)
        #expect(try world.authority.reap() == 1)
    }

    @Test func aClockThatIsAheadForOneRoundMakesNoLeaseLonger() throws {
        let wrong = World.Hand()
        wrong.milliseconds.store(0, ordering: .relaxed)
        let holder = try holder(wrong)
        let agent = try world.start(from: holder)
        for ahead: Int64 in [0, 86_400_000, 0, 0] {
            wrong.milliseconds.store(ahead, ordering: .relaxed)
            world.pass(seconds: 100)
            try holder.lifecycle.renew()
        }
        #expect(try reason(agent) == nil)
        agent.close()
        world.pass(seconds: 301)
        #expect(try world.authority.reap() == 1)
    }

    @Test func aLeaseThatAClockDatedWhichWasAheadIsOverWithItsTime() throws {
        let wrong = World.Hand()
        let agents = try [600_000, 86_400_000].map { (ahead: Int64) in
            wrong.milliseconds.store(ahead, ordering: .relaxed)
            let holder = try holder(wrong)
            let agent = try world.start(from: holder)
            defer { agent.close() }
            return try agent.id()
        }
        #expect(try world.authority.reap() == 0)
        world.pass(seconds: 290)
        #expect(try world.authority.reap() == 0)
        // Whoever held them is gone: no date is waited for.
        world.pass(seconds: 11)
        let now = world.hand.milliseconds.load(ordering: .relaxed)
        for agent in try world.authority.agents() where agents.holds(agent.id) {
            #expect(!agent.isLive)
            #expect(agent.leaseExpires.map { $0 <= now && $0 > now - 11_000 } == true)
        }
        #expect(try world.authority.reap() == 2)
    }

    @Test func afterARebootTheWallClockDecidesWithAMargin() throws {
        let agent = try world.start()
        agent.close()
        world.pass(seconds: 301)
        let booted = try other(ahead: 0, boot: "another run", slept: -1_000_000_000)
        #expect(try booted.reap() == 0)
        world.pass(seconds: 300)
        #expect(try booted.reap() == 1)
    }

    /// As that of a machine which was set back to an earlier state, whose boot keeps its name.
    @Test(arguments: [true, false]) func aSteadyClockThatWentBackKeepsNobodyForEver(_ isInMemory: Bool) throws {
        let steady = World.Hand()
        let world = try World(at: isInMemory ? nil : path + ".back") { options in
            options.steadyClock = SteadyClock {
                SteadyTime(boot: "run", milliseconds: steady.milliseconds.load(ordering: .relaxed))
            }
        }
        let agent = try world.start()
        let id = try agent.id()
        agent.close()
        steady.milliseconds.store(1_000_000, ordering: .relaxed)
        // Nothing confirms that its lease is over: it has as long again.
        world.pass(seconds: 301)
        #expect(try world.authority.reap() == 0)
        world.pass(seconds: 300)
        #expect(
            try world.authority.lifecycle.registry.write { registry in
                try registry.renewLeases(
                    of: [id], at: world.hand.milliseconds.load(ordering: .relaxed), until: 2_000_000_000_000,
                    runsUntil: SteadyTime(boot: "run", milliseconds: 2_000_000), orRunningAt: 1_000_000)
            }.isEmpty)
        #expect(try world.authority.reap() == 1)
    }

    @Test func aBootWithAClockThatIsAheadEndsNobody() throws {
        let (lapsing, parked) = (try world.start(), try world.start())
        try parked.park(for: 86_400)
        lapsing.close()
        let now = world.hand.milliseconds.load(ordering: .relaxed)
        let booted = try other(ahead: 365 * 86_400_000, boot: "another run", slept: 2000 - now)
        #expect(try booted.reap() == 0)
        world.pass(seconds: 297)
        #expect(try booted.reap() == 0)
        // Set right by now: whoever is gone ends, and who is parked waits on.
        let right = try other(ahead: 0, boot: "another run", slept: 2000 - now)
        world.pass(seconds: 303)
        #expect(try right.reap() == 1)
        #expect(try right.agents().first { $0.state == "parked" } != nil)
    }

    @Test func whoWasParkedUnderAClockThatWasBehindIsTakenUpOnceItIsRight() throws {
        let behind = try other(ahead: -86_400_000)
        let agents = try (0..<2).map { _ in try world.start(from: behind) }
        let child = try agents[0].spawn("c", .sameScope())
        let (ids, childID) = (try agents.map { try $0.id() }, try child.id())
        let now = world.hand.milliseconds.load(ordering: .relaxed) / 1000
        let ending = try behind.startAgent(
            profile: "researcher",
            AgentRequest(
                principal: "user:x", task: "t", scope: Scope("search(query: *)"), until: now - 86_400 + 1800))
        let endingID = try ending.id()
        for agent in agents + [ending] { try agent.park(for: 3600) }
        world.pass(seconds: 1000)
        #expect(try world.authority.reap() == 0)
        let taken = try world.authority.unpark(agent: ids[0])
        #expect(try (taken.id(), reason(taken)) == (ids[0], nil))
        #expect(try world.authority.agents().first { $0.id == childID }?.isLive == true)
        // It has a hard end, which is over.
        #expect(throws: AgentIDError.self) { try world.authority.unpark(agent: endingID) }
        world.pass(seconds: 2601)
        #expect {
            try world.authority.unpark(agent: ids[1])
        } throws: {
            ($0 as? AgentIDError)?.name == "parking_over"
        }
    }

    @Test func agentsThatCannotBeEndedKeepNobodyElseFromTheirEnd() throws {
        // Longest lapsed by the clock that is ahead, and more than are looked at in one go.
        let held = try (0..<130).map { _ in try world.start() }
        world.pass(milliseconds: 1)
        try world.start().close()
        world.pass(seconds: 299)
        try world.authority.lifecycle.registry.write { registry in
            // As a renewal under a wall clock that is behind leaves them: lapsed by that, running by the other.
            for agent in held {
                var lease = try #require(try registry.lease(of: try agent.id()))
                lease.runsUntil.milliseconds += 100_000
                try registry.put(lease)
            }
        }
        world.pass(seconds: 2)
        #expect(try world.authority.reap() == 1)
        withExtendedLifetime(held) {}
    }
}
