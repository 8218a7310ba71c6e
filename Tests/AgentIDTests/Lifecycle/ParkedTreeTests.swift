import Dispatch
import Foundation
import JOSE
import Scopes
import StrictJSON
import Synchronization
import TestSupport
import Testing

@testable import AgentID

/// An agent is parked with all below it, and they are taken up together: all or none, each in its place, by one.
@Suite struct ParkedTreeTests {
    let directory: TemporaryDirectory
    let world: World
    private var path: String { directory.path + "/acme" }

    init() throws {
        directory = try TemporaryDirectory()
        world = try World(at: directory.path + "/acme")
        let profile = try Self.profile("read_file(path under '/data'); search(query: *)")
        try world.authority.put(profile)
    }

    private static func profile(_ ceiling: String) throws -> Profile {
        try Profile(
            name: "researcher", owner: "team:research@acme.example", ceiling: Scope(ceiling), maxLifetime: 3600,
            maxDepth: 12)
    }

    private func other() throws -> Authority {
        var options = Authority.Options()
        (options.clock, options.steadyClock) = (world.clock, world.steadyClock)
        return try Authority.open(directory: path, options: options)
    }

    private func start() throws -> Agent {
        try world.authority.startAgent(
            profile: "researcher",
            AgentRequest(
                principal: "user:alice@acme.example", task: "t",
                scope: Scope("read_file(path under '/data'); search(query: *)"), lifetime: 600))
    }

    private static func verdict(_ agent: Agent, _ path: String) throws -> String {
        try agent.check(tool: "read_file", arguments: bytes(#"{"path":"\#(path)"}"#)).denial?.reason.rawValue ?? "yes"
    }

    private func refusal(_ body: () throws -> Void) -> String? {
        do { try body() } catch let error as AgentIDError { return error.name } catch { return "\(error)" }
        return nil
    }

    private func states() throws -> [String: String] {
        Dictionary(uniqueKeysWithValues: try world.authority.agents().map { ($0.id, $0.state) })
    }

    /// All that are taken up below an agent, with the ID of the one that handed them out.
    private func takeAll(_ agent: Agent) throws -> [(above: String, agent: Agent)] {
        var taken: [(above: String, agent: Agent)] = []
        while let child = try agent.takeUnparked() {
            taken.append((try agent.id(), child))
            taken += try takeAll(child)
        }
        return taken
    }

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
                try ParkedTreeTests.verdict(agent, $0)
            }
        }
    }

    @Test func randomTreesComeBackAsTheyWere() throws {
        var random = Seeded.announced("parked trees")
        for round in 0..<12 {
            let root = try start()
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
                if Int.random(in: 0..<4, using: &random) == 0 { try child.rotateKey() }
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
                #expect(try Self.verdict(agent, "/data/q3/b/c") == "parked")
                #expect(refusal { _ = try elsewhere.admit(chain: bytes(chains[i])) } != nil)
                #expect(try states()[before[i]] == "parked")
                #expect(try agent.end() == nil)
            }
            for id in before.dropFirst() { #expect(refusal { _ = try other().unpark(agent: id) } == "sub_agent") }
            world.pass(seconds: Int64.random(in: 0..<30_000, using: &random))
            #expect(try world.authority.reap() == 0)
            let authority = try other()
            let again = try authority.unpark(agent: rootID)
            let taken = [(above: "", agent: again)] + (try takeAll(again))
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
                #expect(try states()[id] == "deprovisioned")
                #expect(try world.authority.registry.read { try $0.lease(of: id) } == nil)
            }
        }
    }

    @Test func whoIsNotTakenIsKeptAndLetGoWithItsParent() throws {
        let root = try start()
        let id = try root.id()
        let child = try root.spawn("child", .sameScope())
        let below = try child.spawn("below", .sameScope())
        try root.park(for: 3600)
        let authority = try other()
        var again: Agent? = try authority.unpark(agent: id)
        for _ in 0..<5 {
            world.pass(seconds: 200)
            try authority.lifecycle.renew()
        }
        #expect(try Set(states().values) == ["active"])
        // Parked again without anybody having asked for them.
        try again?.park(for: 3600)
        #expect(try Set(states().values) == ["parked"])
        again = try authority.unpark(agent: id)
        let taken = try #require(try again?.takeUnparked())
        #expect(try again?.takeUnparked() == nil)
        #expect(try taken.id() == child.name)
        #expect(try Self.verdict(taken, "/data/a") == "yes")
        do { #expect(try taken.takeUnparked() != nil) }
        again = nil
        // The child keeps the one in whose name it acts; nobody holds the one below it, which lapses.
        world.pass(seconds: 200)
        try authority.lifecycle.renew()
        world.pass(seconds: 200)
        #expect(try Self.verdict(taken, "/data/a") == "yes")
        #expect(try authority.reap() == 1)
        #expect(try states()[try #require(below.name)] == "deprovisioned")
    }

    @Test func nobodyHoldsWhatWasNeverTaken() throws {
        let root = try start()
        let id = try root.id()
        let child = try root.spawn("child", .sameScope())
        _ = try child.spawn("below", .sameScope())
        try root.park(for: 3600)
        let authority = try other()
        weak var gone: Agent?
        do { gone = try authority.unpark(agent: id) }
        #expect(gone == nil)
        #expect(authority.lifecycle.leases.agents().isEmpty)
    }

    @Test func whatEndedOrWasRevokedMeanwhileDoesNotComeBack() throws {
        let root = try start()
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
        let again = try other().unpark(agent: id)
        let taken = try takeAll(again)
        #expect(try Set(taken.map { try $0.agent.id() }) == [ids[2], ids[3], deeper[3]])
        let now = try states()
        for gone in [ids[0], deeper[0], ids[1], deeper[1], deeper[2]] { #expect(now[gone] == "deprovisioned") }
        #expect(now[ids[3]] == "suspended")
        for (_, agent) in taken {
            #expect(try Self.verdict(agent, "/data/a") == (try agent.id() == ids[2] ? "yes" : "suspended"))
        }
        try world.authority.resume(agent: ids[3])
        for (_, agent) in taken { #expect(try Self.verdict(agent, "/data/a") == "yes") }
    }

    @Test func whoHasNothingLeftUnderTheCeilingOfThenEnds() throws {
        let root = try start()
        let id = try root.id()
        let (files, searches) = try (
            root.spawn("files", DelegationRequest(scope: Scope("read_file(path under '/data/q3')"))),
            root.spawn("searches", DelegationRequest(scope: Scope("search(query: *)")))
        )
        let (kept, ended) = try (searches.id(), files.id())
        try root.park(for: 3600)
        try world.authority.put(Self.profile("search(query: *)"))
        let again = try other().unpark(agent: id)
        #expect(try takeAll(again).map { try $0.agent.id() } == [kept])
        #expect(try states() == [id: "active", kept: "active", ended: "deprovisioned"])
    }

    @Test func whatIsHeldElsewhereStaysDeniedMeanwhile() throws {
        let root = try start()
        let id = try root.id()
        let far = try SigningKey.generate()
        let chain = try root.delegate(to: far.publicKey, .sameScope())
        var left: Agent? = try root.spawn("left", .sameScope())
        let leftID = try #require(left?.name)
        left = nil
        let elsewhere = try Guard.open(directory: path, .forTests(world))
        #expect(refusal { _ = try elsewhere.admit(chain: bytes(chain)) } == nil)
        try root.park(for: 3600)
        #expect(refusal { _ = try elsewhere.admit(chain: bytes(chain)) }?.hasPrefix("parked") == true)
        #expect(try states()[leftID] == "active")
        world.pass(seconds: 301)
        #expect(try world.authority.reap() == 1)
        let again = try other().unpark(agent: id)
        #expect(try again.takeUnparked() == nil)
    }

    @Test func aChildsOwnEndIsItsEndInParkingToo() throws {
        let root = try start()
        let id = try root.id()
        let short = try root.spawn("short", .sameScope(until: 1_790_001_000))
        let shortID = try short.id()
        let long = try root.spawn("long", .sameScope())
        try root.park(for: 86_400)
        world.pass(seconds: 2000)
        let again = try other().unpark(agent: id)
        #expect(try takeAll(again).map { try $0.agent.id() } == [long.name])
        #expect(try world.authority.reap() == 1)
        #expect(try states()[shortID] == "deprovisioned")
    }

    @Test(arguments: 0..<6) func ofManyAtOnceOneGetsAll(_ round: Int) throws {
        let root = try start()
        let id = try root.id()
        let children = try (0..<5).map { try root.spawn("c\($0)", .sameScope()) }
        try root.park(for: 60)
        let authorities = try [world.authority, other(), other()]
        let (taken, refused) = (Locked<[Agent]>([]), Locked<[String]>([]))
        DispatchQueue.concurrentPerform(iterations: 6) { i in
            do {
                let agent = try authorities[i % 3].unpark(agent: id)
                taken.withLock { $0.append(agent) }
            } catch { refused.withLock { $0.append((error as? AgentIDError)?.name ?? "\(error)") } }
        }
        #expect(taken.withLock { $0.count } == 1)
        #expect(refused.withLock { $0 } == Array(repeating: "not_parked", count: 5))
        let held = try #require(taken.withLock { $0.first })
        #expect(try takeAll(held).count == children.count)
    }

    /// Whoever starts, ends, rotates and labels while the tree is parked: each agent is parked with its labels and its key of
    /// last, or was never there.
    @Test(arguments: 0..<6) func nothingIsLostWhileItIsParked(_ round: Int) throws {
        let root = try start()
        let id = try root.id()
        let children = try (0..<4).map { try root.spawn("c\($0)", .sameScope()) }
        let told = Locked<[String: Set<String>]>([:])
        DispatchQueue.concurrentPerform(iterations: 6) { i in
            if i == 5 {
                usleep(UInt32(round) * 1500)
                do { try root.park(for: 3600) } catch { Issue.record(error) }
                return
            }
            for step in 0..<20 {
                if i == 4 {
                    guard let made = try? children[step % 4].spawn("late", .sameScope()) else { return }
                    if step % 2 == 0 { _ = try? made.end() }
                    continue
                }
                guard let name = children[i].name else { return }
                if (try? children[i].addLabels(["l\(step)"])) != nil {
                    told.withLock { _ = $0[name, default: []].insert("l\(step)") }
                }
                if step % 5 == 0 { try? children[i].rotateKey() }
            }
        }
        let again = try other().unpark(agent: id)
        var seen = 0
        for (_, agent) in try takeAll(again) {
            #expect(try Self.verdict(agent, "/data/a") == "yes")
            guard let labels = try told.withLock({ $0[try agent.id()] }) else { continue }
            seen += 1
            #expect(try Set(agent.labels()).isSuperset(of: labels))
        }
        #expect(seen == told.withLock { $0.count })
        #expect(try !states().values.contains("parked"))
    }

    @Test func whatWasSealedIsChangedForNothing() throws {
        var random = Seeded.announced("sealed trees")
        let root = try start()
        let id = try root.id()
        let child = try root.spawn("child", .sameScope())
        let childID = try child.id()
        let seed = try child.current().key.withSeed { seed in seed.withSpan { span in (0..<32).map { span[$0] } } }
        let second = try start()
        let secondID = try second.id()
        try root.park(for: 3600)
        try second.park(for: 3600)
        func lease(_ id: String) throws -> LeaseRecord {
            try #require(try world.authority.registry.read { try $0.lease(of: id) })
        }
        let (whole, mark, others) = try (lease(id), lease(childID), lease(secondID))
        let box = try #require(whole.sealed)
        #expect(!(0...(box.count - 32)).contains { Array(box[$0..<($0 + 32)]) == seed })
        #expect(mark.sealed == bytes(id))
        func put(_ sealed: [UInt8]?, in lease: LeaseRecord) throws {
            var lease = lease
            lease.sealed = sealed
            try world.authority.registry.write { try $0.put(lease) }
        }
        for _ in 0..<40 {
            var changed = box
            if Bool.random(using: &random) {
                changed[Int.random(in: changed.indices, using: &random)] ^= UInt8.random(in: 1...255, using: &random)
            } else {
                changed = Array(changed.prefix(Int.random(in: 0..<changed.count, using: &random)))
            }
            try put(changed, in: whole)
            #expect(refusal { _ = try other().unpark(agent: id) } == "parked_key")
        }
        // Another's box, and one's own in the place of the child's.
        try put(others.sealed, in: whole)
        #expect(refusal { _ = try other().unpark(agent: id) } == "parked_key")
        try put(box, in: others)
        #expect(refusal { _ = try other().unpark(agent: secondID) } == "parked_key")
        try put(box, in: mark)
        #expect(refusal { _ = try other().unpark(agent: childID) } == "sub_agent")
        #expect(try states()[id] == "parked" && states()[childID] == "parked")
        // A child whose mark says another: it is not handed back.
        try put(bytes(secondID), in: mark)
        try put(box, in: whole)
        let again = try other().unpark(agent: id)
        #expect(try again.takeUnparked() == nil)
        #expect(try states()[childID] == "parked")
    }

    @Test func aRestoredBackupTakesNoneUp() throws {
        let root = try start()
        let id = try root.id()
        let child = try root.spawn("kept", .sameScope())
        try root.park(for: 3600)
        world.authority.close()
        _ = try Authority.acceptRestored(directory: path, passphrase: nil, clock: world.clock)
        #expect(refusal { _ = try other().unpark(agent: id) } == "parking_over")
        #expect(refusal { _ = try other().unpark(agent: try #require(child.name)) } == "sub_agent")
    }

    @Test func callsInFlightAreSettledAndSecretsReturned() throws {
        try world.authority.applyPolicy(
            bytes(
                #"{"version":1,"rules":[{"id":"n","match":"search","budget":{"unit":"calls","cost":{"fixed":"1"},"limit":"3","per":"day","for":"subtree"}}]}"#
            ))
        let root = try start()
        let id = try root.id()
        let child = try root.spawn("child", .sameScope())
        let decided = try child.check(tool: "search", arguments: bytes(#"{"query":"a"}"#))
        #expect(decided.denial == nil)
        try root.park(for: 3600)
        let again = try other().unpark(agent: id)
        let taken = try #require(try again.takeUnparked())
        // What it had spent is spent.
        for _ in 0..<2 {
            #expect(try taken.check(tool: "search", arguments: bytes(#"{"query":"a"}"#)).denial == nil)
        }
        #expect(try taken.check(tool: "search", arguments: bytes(#"{"query":"a"}"#)).denial != nil)
    }
}
