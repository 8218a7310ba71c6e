import Foundation
import JOSE
import Policy
import Scopes
import StrictJSON
import TestSupport
import Testing

@testable import AgentID

/// Labels go soon after the agent that has them, so that agents that come and go do not fill the page for others.
@Suite struct EndedLabelTests {
    private func note(_ agent: Agent) throws {
        for tool in ["note", "read_mail"] { try agent.authorize(tool: tool, arguments: [:]) }
    }

    /// In how many milliseconds the labels of each of an agent's places lapse; those that it has.
    private func left(_ office: LabelWorld, of agent: String) throws -> [Int64] {
        let now = office.world.clock.milliseconds
        let page = try #require(try office.authority.home.meters?.page(now))
        let time = try page.look(now)
        return try [["agent", "", agent], ["task", "", agent], ["isolated", "", agent]].compactMap {
            let kept = try page.labels(of: page.key(["labels"] + $0), until: 0, at: time)
            return kept.bits == 0 ? nil : kept.until - time.milliseconds
        }
    }

    enum End: CaseIterable { case own, operators, principal, profile, lapse, journal, killed, otherProcess }

    @Test(arguments: End.allCases) func labelsOfAnAgentThatEndedAreKeptForMinutes(_ how: End) throws {
        let office = try LabelWorld()
        let agent = try office.start()
        let child = try agent.spawn("child", .sameScope(isolated: true))
        try note(agent)
        try note(child)
        let (id, below) = try (agent.id(), child.id())
        let long = MetersPage.keptAfterEnd + 1
        #expect(try left(office, of: id).count == 2 && left(office, of: below).count == 2)
        #expect(try (left(office, of: id) + left(office, of: below)).allSatisfy { $0 > long })
        let lifecycle = office.authority.lifecycle
        switch how {
        case .own: try agent.end()
        case .operators: _ = try office.authority.deprovision(agent: id)
        case .principal: _ = try office.authority.deprovision(principal: "user:alice@acme.example")
        case .profile: _ = try office.authority.withdraw(profile: "clerk")
        case .lapse:
            office.world.pass(seconds: 1200)
            #expect(try office.authority.reap() > 0)
        case .journal:
            // As a guard in another process ends it by a rule.
            try lifecycle.enforce([.end(agent: id)], reason: "")
            try lifecycle.write { _ in }
        case .killed:
            // Committed, and nothing after it.
            let now = office.world.clock.milliseconds
            _ = try lifecycle.registry.write {
                try lifecycle.end(id, reason: "", isLapsed: false, now: now, in: $0)
            }
            #expect(try left(office, of: id).allSatisfy { $0 > long })
            _ = try office.authority.reap()
        case .otherProcess:
            var options = Authority.Options()
            (options.clock, options.steadyClock) = (office.world.clock, office.world.steadyClock)
            options.metersClock = options.steadyClock
            let other = try Authority.open(directory: office.directory.path, options: options)
            _ = try other.deprovision(agent: id)
        }
        let after = try left(office, of: id) + left(office, of: below)
        #expect(after.count == 4 && after.allSatisfy { (1..<long).contains($0) })
    }

    @Test func labelsOfAParentAndOfOneThatWaitsStayAndAChildsReachItBeforeItsEnd() throws {
        let office = try LabelWorld()
        let (parent, waiting) = try (office.start(), office.start())
        let ids = try [parent.id(), waiting.id()]
        try note(waiting)
        try waiting.park(for: 3600)
        let child = try parent.spawn("child", .sameScope())
        try note(child)
        let closed = try parent.spawn("closed", .sameScope(isolated: true))
        try closed.authorize(tool: "read_hr", arguments: [:])
        #expect(try parent.joinLabels(from: closed) == ["private", "untrusted"])
        try child.end()
        try closed.end()
        #expect(try parent.labels() == ["private", "untrusted"])
        #expect(try office.reason(parent, "send") == "flow_refused")
        for id in ids {
            let kept = try left(office, of: id)
            #expect(!kept.isEmpty && kept.allSatisfy { $0 > 86_400_000 })
        }
    }

    @Test func agentsThatComeAndGoDoNotFillAPage() throws {
        let office = try LabelWorld()
        let (view, now) = (office.authority.view, office.world.clock.milliseconds)
        // 32 meters.
        _ = try MetersPage(
            path: view.metersPath, epoch: view.epoch, buckets: 1, believesSteps: false, now: now,
            steady: office.world.steadyClock)
        let lasting = try office.start()
        try note(lasting)
        for _ in 0..<8 {
            for _ in 0..<12 {
                let agent = try office.start()
                try note(agent)
                try agent.end()
            }
            for _ in 0..<5 {
                office.world.pass(seconds: 130)
                try office.authority.lifecycle.renew()
            }
        }
        #expect(try lasting.labels() == ["noted", "untrusted"])
        #expect(try office.authority.home.meters?.page(office.world.clock.milliseconds).room.slots == 32)
    }

    @Test func aSlotThatAnotherHasTakenKeepsItsTime() throws {
        let now = MetersWorld.start
        let page = try MetersPage(path: nil, buckets: 1, believesSteps: true, now: now)
        var time = try page.look(now)
        let before = try page.slot(of: page.key(["ended"]), .labels, until: time.milliseconds + 5000, at: time)
        try page.raise(before, bits: 1, until: time.milliseconds + 5000, at: time)
        // It lapses, and its slot is taken, after somebody found it there.
        time = try page.look(now + 10_000)
        let until = time.milliseconds + 86_400_000
        let taken = try page.slot(of: page.key(["other"]), .labels, until: until, at: time)
        #expect(taken.index == before.index)
        try page.raise(taken, bits: 2, until: until, at: time)
        try page.release(before, at: time)
        #expect(try page.labels(of: taken.key, until: 0, at: time).until == until)
        try page.release(taken, at: time)
        #expect(try page.labels(of: taken.key, until: 0, at: time).until == time.milliseconds + 600_000)
    }

    @Test func noEndWaitsForWhoeverMakesTheFileOfMeters() throws {
        let office = try LabelWorld()
        let id = try office.start().id()
        let path = try #require(office.authority.view.metersPath)
        // By a process that was stopped while it did.
        let file = unsafe open(path, O_RDWR | O_CREAT, 0o600)
        defer { close(file) }
        #expect(flock(file, LOCK_EX) == 0)
        let lifecycle = office.authority.lifecycle
        let took = try ContinuousClock().measure {
            try lifecycle.enforce([.end(agent: id)], reason: "")
            try lifecycle.write { _ in }
        }
        #expect(took < .seconds(5))
        #expect(try office.authority.agents().first?.state == "deprovisioned")
    }

    @Test func anEndNeitherMakesAFileNorFailsByADamagedOne() throws {
        let office = try LabelWorld()
        try office.start().end()
        #expect(office.authority.home.meters?.isThere == false)
        let agent = try office.start()
        try note(agent)
        let path = office.authority.view.metersPath
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: #require(path)))
        try file.write(contentsOf: Data(repeating: 0xA5, count: 65_536))
        try file.close()
        try agent.end()
        #expect(try office.authority.agents().allSatisfy { $0.state == "deprovisioned" && $0.tombstone != nil })
    }
}
