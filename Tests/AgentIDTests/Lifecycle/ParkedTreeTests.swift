import Glibc
import JOSE
import Scopes
import StrictJSON
import TestSupport
import Testing

@testable import AgentID

/// An agent is parked with all below it, and they are taken up together: all or none, each in its place, by one.
@Suite struct ParkedTreeTests {
    private let tree: ParkedTreeWorld
    private var world: World { tree.world }
    private var path: String { tree.path }

    init() throws { tree = try ParkedTreeWorld() }

    private struct Known: Equatable {
        var above, key, scope: String
        var until: Int64?
        var labels: [String]
        var isIsolated: Bool
        var verdicts: [String]

        init(_ agent: Agent, above: String) throws {
            let state = try agent.current()
            (self.above, key, scope) = (above, state.key.thumbprint, state.held.scope.text)
            until = state.term?.until
            labels = try agent.labels()
            isIsolated = state.held.grant.claim?.isIsolated ?? false
            verdicts = try ["/data/a", "/data/q3/a", "/data/q3/b/c", "/etc"].map {
                try ParkedTreeWorld.verdict(agent, $0)
            }
        }
    }

    @Test func nobodyEndsForAClockThatIsAheadWhileItIsUnparked() throws {
        let root = try tree.start()
        let (id, now) = (try root.id(), world.clock.milliseconds / 1000)
        let child = try root.spawn("w", .sameScope(until: now + 600))
        let below = try child.id()
        try root.park(for: 3600)
        var options = Authority.Options()
        let clock = world.clock
        options.clock = CallbackClock { clock.milliseconds + 86_400_000 }
        options.steadyClock = world.steadyClock
        let ahead = try Authority.open(directory: path, options: options)
        #expect(tree.refusal { _ = try ahead.unpark(agent: id) } == "clock_set")
        #expect(try tree.states()[below] == "parked" && tree.states()[id] == "parked")
        let back = try world.authority.unpark(agent: id)
        #expect(try tree.takeAll(back).map { try $0.agent.id() } == [below])
    }

    @Test func randomTreesComeBackAsTheyWere() throws {
        var random = Seeded.announced("parked trees")
        for round in 0..<12 {
            let root = try tree.start()
            let rootID = try root.id()
            var nodes: [(agent: Agent, above: String)] = [(root, "")]
            for i in 0..<Int.random(in: 0..<10, using: &random) {
                let (parent, _) = try #require(nodes.randomElement(using: &random))
                let labels = Bool.random(using: &random) ? ["l\(i % 3)"] : []
                let until = Bool.random(using: &random) ? 1_790_900_000 + Int64(i) : nil
                let isolated = Int.random(in: 0..<4, using: &random) == 0
                let scope = ["/data", "/data/q3", "/data/q3/b"].randomElement(using: &random) ?? ""
                let request =
                    Bool.random(using: &random)
                    ? DelegationRequest.sameScope(until: until, labels: labels, isolated: isolated)
                    : DelegationRequest(
                        scope: try Scope("read_file(path under '\(scope)')"), lifetime: 300, until: until,
                        maxDepth: Bool.random(using: &random) ? 5 : nil, labels: labels, isolated: isolated)
                let child: Agent
                do throws(AgentIDError) { child = try parent.spawn("w\(i)", request) } catch {
                    // Nothing of the scope, or of the depth, is left there.
                    let names = ["empty_intersection", "not_below_parent", "delegation_depth_exceeded"]
                    #expect(names.contains(error.name))
                    continue
                }
                nodes.append((child, try parent.id()))
                if Bool.random(using: &random) { try child.addLabels(["told\(i)"]) }
                guard Int.random(in: 0..<4, using: &random) == 0 else { continue }
                // A new key takes a link, for which there is room no more at the end of the depth.
                do throws(AgentIDError) { try child.rotateKey() } catch {
                    #expect(error.name == "delegation_depth_exceeded")
                }
            }
            var known: [String: Known] = [:]
            for (agent, above) in nodes { known[try agent.id()] = try Known(agent, above: above) }
            var chains: [String] = []
            for (agent, _) in nodes { chains.append(try agent.chain()) }
            let before = try nodes.map { try $0.agent.id() }
            try root.park(for: 40_000)
            // Denied, every one, whoever asks.
            let elsewhere = try Guard.open(directory: path, .forTests(world))
            for (i, (agent, _)) in nodes.enumerated() {
                #expect(try ParkedTreeWorld.verdict(agent, "/data/q3/b/c") == "parked")
                #expect(tree.refusal { _ = try elsewhere.admit(chain: bytes(chains[i])) } != nil)
                #expect(try tree.states()[before[i]] == "parked")
                #expect(try agent.end() == nil)
            }
            for id in before.dropFirst() {
                #expect(tree.refusal { _ = try tree.other().unpark(agent: id) } == "sub_agent")
            }
            world.pass(seconds: Int64.random(in: 0..<30_000, using: &random))
            #expect(try world.authority.reap() == 0)
            let authority = try tree.other()
            let again = try authority.unpark(agent: rootID)
            let taken = [(above: "", agent: again)] + (try tree.takeAll(again))
            #expect(taken.count == nodes.count)
            for (above, agent) in taken {
                #expect(try Known(agent, above: above) == known[agent.id()], "round \(round)")
            }
            // They go on like others: renewed for hours, parked again, ended with the one at the top.
            for _ in 0..<5 {
                world.pass(seconds: 200)
                try authority.lifecycle.renew()
            }
            for (above, agent) in taken {
                #expect(try Known(agent, above: above).verdicts == known[agent.id()]?.verdicts)
            }
            try again.park(for: 100)
            _ = try world.authority.deprovision(agent: rootID)
            for id in before {
                #expect(try tree.states()[id] == "deprovisioned")
                #expect(try world.authority.registry.read { try $0.lease(of: id) } == nil)
            }
        }
    }

    @Test func whoIsNotTakenIsKeptAndLetGoWithItsParent() throws {
        let root = try tree.start()
        let id = try root.id()
        let child = try root.spawn("child", .sameScope())
        let below = try child.spawn("below", .sameScope())
        try root.park(for: 3600)
        let authority = try tree.other()
        var again: Agent? = try authority.unpark(agent: id)
        for _ in 0..<5 {
            world.pass(seconds: 200)
            try authority.lifecycle.renew()
        }
        #expect(try Set(tree.states().values) == ["active"])
        // Parked again without anybody having asked for them.
        try again?.park(for: 3600)
        #expect(try Set(tree.states().values) == ["parked"])
        again = try authority.unpark(agent: id)
        let taken = try #require(try again?.takeUnparked())
        #expect(try again?.takeUnparked() == nil)
        #expect(try taken.id() == child.name)
        #expect(try ParkedTreeWorld.verdict(taken, "/data/a") == "yes")
        do { #expect(try taken.takeUnparked() != nil) }
        again = nil
        // The child keeps the one in whose name it acts; nobody holds the one below it, which lapses.
        world.pass(seconds: 200)
        try authority.lifecycle.renew()
        world.pass(seconds: 200)
        #expect(try ParkedTreeWorld.verdict(taken, "/data/a") == "yes")
        #expect(try authority.reap() == 1)
        #expect(try tree.states()[try #require(below.name)] == "deprovisioned")
    }

    @Test func nobodyHoldsWhatWasNeverTaken() throws {
        let root = try tree.start()
        let id = try root.id()
        let child = try root.spawn("child", .sameScope())
        _ = try child.spawn("below", .sameScope())
        try root.park(for: 3600)
        let authority = try tree.other()
        weak var gone: Agent?
        do { gone = try authority.unpark(agent: id) }
        // A round that renews leases at this moment holds it that long.
        var turns = 0
        while gone != nil, turns < 10_000 {
            usleep(1000)
            turns += 1
        }
        #expect(gone == nil)
        for _ in 0..<10_000 where !authority.lifecycle.leases.agents().isEmpty { usleep(1000) }
        #expect(authority.lifecycle.leases.agents().isEmpty)
    }

    @Test func whatEndedOrWasRevokedMeanwhileDoesNotComeBack() throws {
        let root = try tree.start()
        let id = try root.id()
        let children = try (0..<4).map { try root.spawn("c\($0)", .sameScope()) }
        let below = try children.map { try $0.spawn("below", .sameScope()) }
        let (ids, deeper) = try (children.map { try $0.id() }, below.map { try $0.id() })
        let key = try children[1].publicKey().thumbprint
        let grant = try below[2].current().held.grant.id
        try root.park(for: 3600)
        _ = try world.authority.deprovision(agent: ids[0])
        try world.authority.revoke(Revocation(.key, key))
        try world.authority.revoke(Revocation(.grant, grant))
        try world.authority.suspend(agent: ids[3])
        let again = try tree.other().unpark(agent: id)
        let taken = try tree.takeAll(again)
        #expect(try Set(taken.map { try $0.agent.id() }) == [ids[2], ids[3], deeper[3]])
        let now = try tree.states()
        for gone in [ids[0], deeper[0], ids[1], deeper[1], deeper[2]] { #expect(now[gone] == "deprovisioned") }
        #expect(now[ids[3]] == "suspended")
        for (_, agent) in taken {
            #expect(try ParkedTreeWorld.verdict(agent, "/data/a") == (try agent.id() == ids[2] ? "yes" : "suspended"))
        }
        try world.authority.resume(agent: ids[3])
        for (_, agent) in taken { #expect(try ParkedTreeWorld.verdict(agent, "/data/a") == "yes") }
    }

    @Test func whoHasNothingLeftUnderTheCeilingOfThenEnds() throws {
        let root = try tree.start()
        let id = try root.id()
        let (files, searches) = try (
            root.spawn("files", DelegationRequest(scope: Scope("read_file(path under '/data/q3')"))),
            root.spawn("searches", DelegationRequest(scope: Scope("search(query: *)")))
        )
        let (kept, ended) = try (searches.id(), files.id())
        try root.park(for: 3600)
        try world.authority.put(ParkedTreeWorld.profile("search(query: *)"))
        let again = try tree.other().unpark(agent: id)
        #expect(try tree.takeAll(again).map { try $0.agent.id() } == [kept])
        #expect(try tree.states() == [id: "active", kept: "active", ended: "deprovisioned"])
    }

    @Test func whatIsHeldElsewhereStaysDeniedMeanwhile() throws {
        let root = try tree.start()
        let id = try root.id()
        let far = try SigningKey.generate()
        let chain = try root.delegate(to: far.publicKey, .sameScope())
        var left: Agent? = try root.spawn("left", .sameScope())
        let leftID = try #require(left?.name)
        left = nil
        let elsewhere = try Guard.open(directory: path, .forTests(world))
        #expect(tree.refusal { _ = try elsewhere.admit(chain: bytes(chain)) } == nil)
        try root.park(for: 3600)
        #expect(tree.refusal { _ = try elsewhere.admit(chain: bytes(chain)) }?.hasPrefix("parked") == true)
        #expect(try tree.states()[leftID] == "active")
        world.pass(seconds: 301)
        #expect(try world.authority.reap() == 1)
        let again = try tree.other().unpark(agent: id)
        #expect(try again.takeUnparked() == nil)
    }

    @Test func aChildsOwnEndIsItsEndInParkingToo() throws {
        let root = try tree.start()
        let id = try root.id()
        let short = try root.spawn("short", .sameScope(until: 1_790_001_000))
        let shortID = try short.id()
        let long = try root.spawn("long", .sameScope())
        try root.park(for: 86_400)
        world.pass(seconds: 2000)
        let again = try tree.other().unpark(agent: id)
        #expect(try tree.takeAll(again).map { try $0.agent.id() } == [long.name])
        #expect(try world.authority.reap() == 1)
        #expect(try tree.states()[shortID] == "deprovisioned")
    }

    @Test func callsInFlightAreSettledAndSecretsReturned() throws {
        try world.authority.applyPolicy(
            bytes(
                #"{"version":1,"rules":[{"id":"n","match":"search","budget":{"unit":"calls","cost":{"fixed":"1"},"limit":"3","per":"day","for":"subtree"}}]}"#
            ))
        let root = try tree.start()
        let id = try root.id()
        let child = try root.spawn("child", .sameScope())
        let decided = try child.check(tool: "search", arguments: bytes(#"{"query":"a"}"#))
        #expect(decided.denial == nil)
        try root.park(for: 3600)
        let again = try tree.other().unpark(agent: id)
        let taken = try #require(try again.takeUnparked())
        // What it had spent is spent.
        for _ in 0..<2 {
            #expect(try taken.check(tool: "search", arguments: bytes(#"{"query":"a"}"#)).denial == nil)
        }
        #expect(try taken.check(tool: "search", arguments: bytes(#"{"query":"a"}"#)).denial != nil)
    }
}
