import Dispatch
import Foundation
import JOSE
import Scopes
import StrictJSON
import TestSupport
import Testing

@testable import AgentID

/// Trees of parked agents, whatever others do meanwhile, and whatever is done to what was sealed.
@Suite struct ParkedTreeRaceTests {
    private let tree: ParkedTreeWorld
    private var world: World { tree.world }
    private var path: String { tree.path }

    init() throws { tree = try ParkedTreeWorld() }

    @Test(arguments: 0..<6) func ofManyAtOnceOneGetsAll(_ round: Int) throws {
        let root = try tree.start()
        let id = try root.id()
        let children = try (0..<5).map { try root.spawn("c\($0)", .sameScope()) }
        try root.park(for: 60)
        let authorities = try [world.authority, tree.other(), tree.other()]
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
        #expect(try tree.takeAll(held).count == children.count)
    }

    /// Taken up and parked again by another process while the grant is signed: the older box has none of its labels.
    @Test func aBoxThatWasReplacedMeanwhileIsNotTakenUp() throws {
        let signer = RenewalRaceTests.Interrupted(try SigningKey.generate())
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path) { $0.signer = signer }
        var options = Authority.Options()
        (options.clock, options.steadyClock, options.signer) = (world.clock, world.steadyClock, signer)
        let elsewhere = try Authority.open(directory: directory.path, options: options)
        let agent = try world.start()
        let id = try agent.id()
        try agent.park(for: 3600)
        signer.interrupt {
            let taken = try elsewhere.unpark(agent: id)
            try taken.addLabels(["seen"])
            try taken.park(for: 3600)
        }
        #expect(tree.refusal { _ = try world.authority.unpark(agent: id) } == "not_parked")
        #expect(try world.authority.unpark(agent: id).labels() == ["seen"])
    }

    /// Whoever starts, ends, rotates and labels while the tree is parked: each agent is parked with its labels and its key of
    /// last, or was never there.
    @Test(arguments: 0..<6) func nothingIsLostWhileItIsParked(_ round: Int) throws {
        let root = try tree.start()
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
        let again = try tree.other().unpark(agent: id)
        var seen = 0
        for (_, agent) in try tree.takeAll(again) {
            #expect(try ParkedTreeWorld.verdict(agent, "/data/a") == "yes")
            guard let labels = try told.withLock({ $0[try agent.id()] }) else { continue }
            seen += 1
            #expect(try Set(agent.labels()).isSuperset(of: labels))
        }
        #expect(seen == told.withLock { $0.count })
        #expect(try !tree.states().values.contains("parked"))
    }

    @Test func whatWasSealedIsChangedForNothing() throws {
        var random = Seeded.announced("sealed trees")
        let root = try tree.start()
        let id = try root.id()
        let child = try root.spawn("child", .sameScope())
        let childID = try child.id()
        let seed = try child.current().key.withSeed { seed in seed.withSpan { span in (0..<32).map { span[$0] } } }
        let second = try tree.start()
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
            #expect(tree.refusal { _ = try tree.other().unpark(agent: id) } == "parked_key")
        }
        // Another's box, and one's own in the place of the child's.
        try put(others.sealed, in: whole)
        #expect(tree.refusal { _ = try tree.other().unpark(agent: id) } == "parked_key")
        try put(box, in: others)
        #expect(tree.refusal { _ = try tree.other().unpark(agent: secondID) } == "parked_key")
        try put(box, in: mark)
        #expect(tree.refusal { _ = try tree.other().unpark(agent: childID) } == "sub_agent")
        #expect(try tree.states()[id] == "parked" && tree.states()[childID] == "parked")
        // A child whose mark says another: it is not handed back.
        try put(bytes(secondID), in: mark)
        try put(box, in: whole)
        let again = try tree.other().unpark(agent: id)
        #expect(try again.takeUnparked() == nil)
        #expect(try tree.states()[childID] == "parked")
    }

    @Test func aRestoredBackupTakesNoneUp() throws {
        let root = try tree.start()
        let id = try root.id()
        let child = try root.spawn("kept", .sameScope())
        try root.park(for: 3600)
        world.authority.close()
        _ = try Authority.acceptRestored(directory: path, passphrase: nil, clock: world.clock)
        #expect(tree.refusal { _ = try tree.other().unpark(agent: id) } == "parking_over")
        #expect(tree.refusal { _ = try tree.other().unpark(agent: try #require(child.name)) } == "sub_agent")
    }
}
