import Glibc
import StrictJSON
import Synchronization
import Testing
import TestSupport

@testable import AgentID

@Suite struct ReplayTableTests {
    private static let hold = ReplayTable.hold(window: 30)
    /// The longest that a word can stand beyond its time: it is kept in units.
    private static let over = hold + 3 * 4096

    @Test func proofIsAcceptedOnceAmongManyTablesAndThreadsWhileTheTableGrows() throws {
        var random = Seeded.announced("proofIsAcceptedOnceAmongManyTablesAndThreadsWhileTheTableGrows")
        for round in 0..<20 {
            let directory = try ReplayDirectory()
            // Made with one bucket: everyone fights for its slots, then for who adds the next segments.
            let tables = try (0..<8).map { try directory.table(capacity: $0 == 0 ? 2 : 400) }
            for n in 0..<Int.random(in: 0...64, using: &random) {
                #expect(tables[0].remember("old \(n)", under: "old \(n)") == .fresh)
            }
            let proofs = (0..<300).map { "\(round) \($0)" }
            let orders = (0..<16).map { _ in proofs.indices.shuffled(using: &random) }
            let accepted = proofs.map { _ in Counter() }
            let others = Counter()
            inThreads(16) { thread in
                for i in orders[thread] {
                    func answer() -> ReplayAnswer { tables[1 + thread % 7].remember(proofs[i], under: "\(i % 50)") }
                    // Full for a moment, where whoever adds room is stopped for more than a tenth of a second.
                    let found = (0..<100).lazy.map { _ in answer() }.first {
                        if case .full = $0 { false } else { true }
                    }
                    switch found {
                    case .fresh: accepted[i].add()
                    case .replayed: break
                    case nil, .full, .late, .replaced: others.add()
                    }
                }
            }
            #expect(accepted.map(\.value) == proofs.map { _ in 1 })
            #expect(others.value == 0)
            #expect(tables[1].room.mappedCount > 2)
        }
    }

    /// Time moves between the looks of those who race: at most one accepts, and nobody does twice.
    @Test func proofIsAcceptedAtMostOnceWhileSlotsRunOut() throws {
        var random = Seeded.announced("proofIsAcceptedAtMostOnceWhileSlotsRunOut")
        for _ in 0..<6 {
            let directory = try ReplayDirectory()
            let tables = try (0..<4).map { _ in try directory.table(capacity: 2) }
            let time = Atomic<Int64>(0)
            let steps = 3000
            let accepted = (0..<steps).map { _ in Counter() }
            let late = (0..<steps).map { _ in Counter() }
            let seeds = (0..<8).map { _ in UInt64.random(in: 0...UInt64.max, using: &random) }
            inThreads(8) { thread in
                var random = Seeded(seed: seeds[thread])
                while true {
                    let begun = time.load(ordering: .sequentiallyConsistent)
                    // A proof is made every two seconds, and is good for three windows: some are used late.
                    let newest = Int(begun / 2000)
                    guard newest < steps else { break }
                    let proof = max(0, newest - Int.random(in: 0...44, using: &random))
                    let answer = tables[thread % 4].remember(
                        UsedProof(name: "\(proof)", tree: "\(proof)"), since: begun
                    ) { time.load(ordering: .sequentiallyConsistent) }
                    if answer == .fresh { accepted[proof].add() }
                    if answer == .late { late[proof].add() }
                    time.add(Int64.random(in: 0...400, using: &random), ordering: .sequentiallyConsistent)
                }
            }
            #expect(accepted.allSatisfy { $0.value <= 1 })
            // How many depends on how the machine runs the threads: one that did not run while the others moved the time on
            // uses its proof up too late, and takes a slot for one that nobody would present any more.
            #expect((0..<steps).count { accepted[$0].value + late[$0].value >= 1 } > steps / 10)
        }
    }

    /// Two threads step by step, with one proof and with two in turn: for the first slot that may be taken.
    @Test func proofsThatRaceForOneSlotAreAcceptedOnceEach() throws {
        let directory = try ReplayDirectory()
        let tables = [try directory.table(capacity: 2), try directory.table(capacity: 2)]
        let (steps, stepsToFill) = (20_000, 42)
        let arrived = (0..<steps).map { _ in Counter() }
        let accepted = (0..<steps).map { _ in Counter() }
        inThreads(2) { thread in
            for step in 0..<steps {
                let time = Int64(step / stepsToFill) * Self.over
                let name = "\(step) \(step % 2 * thread)"
                arrived[step].add()
                var patience = 1000
                while arrived[step].value < 2 {
                    patience -= 1
                    if patience < 0 { sched_yield() }
                }
                if tables[thread].remember(name, under: name, at: time) == .fresh { accepted[step].add() }
            }
        }
        #expect((0..<steps).allSatisfy { accepted[$0].value <= 1 + $0 % 2 })
        // Those that move the time on at once can each find the other, and then are denied.
        #expect((0..<steps).count { accepted[$0].value == 1 + $0 % 2 } > steps * 95 / 100)
    }

    @Test func tableRemembersForAsLongAsAProofCanBePresented() throws {
        var random = Seeded.announced("tableRemembersForAsLongAsAProofCanBePresented")
        for window in [Int64(1), 30, 60] {
            let directory = try ReplayDirectory()
            var (now, since) = (Int64(0), Int64(0))
            var table = try directory.table(capacity: 20_000, window: window)
            var used: [String: Int64] = [:]
            for n in 0..<5000 {
                now += [0, 0, 0, 1000, window * 500, 3000 * window].randomElement(using: &random) ?? 0
                // Of who opens it anew, only the time since then counts.
                if n % 100 == 0 { (table, since) = (try directory.table(capacity: 20_000, window: window), now) }
                let name = "proof \(max(0, n - Int.random(in: 0...50, using: &random)))"
                let answer = table.remember(
                    UsedProof(name: name, tree: "\(n)"), since: now - since
                ) { now - since }
                if let time = used[name], now - time < ReplayTable.hold(window: window) { #expect(answer == .replayed) }
                if used[name] == nil { #expect(answer == .fresh) }
                if answer == .fresh { used[name] = now }
            }
        }
    }

    @Test func slotsAreFreeAgainWhenTheirTimeIsOver() throws {
        let directory = try ReplayDirectory()
        for path in [directory.file, nil] {
            let table = try ReplayTable(path: path, capacity: 2, window: 30, now: 0)
            func answers(_ name: String, at time: Int64) -> [ReplayAnswer] {
                (0..<80).map { table.remember("\(name) \($0)", under: "\($0)", at: time) }
            }
            let room = [ReplayAnswer](repeating: .fresh, count: 64)
            #expect(answers("a", at: 0) == room + [ReplayAnswer](repeating: .full(.whole), count: 16))
            #expect(answers("b", at: Self.hold).allSatisfy { $0 == .full(.whole) })
            #expect(answers("a", at: Self.hold).prefix(64).allSatisfy { $0 == .replayed })
            #expect(answers("c", at: Self.over).prefix(64) == room[...])
        }
    }

    @Test func treeThatTakesAllItCanLeavesTwoThirdsOfTheRoom() throws {
        for capacity in [2, 500, 5000] {
            let table = try ReplayTable(capacity: capacity, window: 30, now: 0)
            var taken = 0
            for n in 0..<capacity * 16 where table.remember("greedy \(n)", under: "greedy") == .fresh { taken += 1 }
            #expect(table.remember("last", under: "greedy") == .full(.share) || capacity > 2)
            let statistics = table.statistics(now: 0)
            #expect(taken == statistics.remembered)
            #expect(taken <= statistics.mostSlots * 4 / 10)
            #expect(taken >= capacity * 2)
            for n in 0..<capacity { #expect(table.remember("honest \(n)", under: "honest") == .fresh) }
        }
    }

    @Test func treeWithFewCallsIsNeverDeniedOnAccountOfGreedyOnes() throws {
        var random = Seeded.announced("treeWithFewCallsIsNeverDeniedOnAccountOfGreedyOnes")
        // Few is what stays below a thirty-second of the room that the greedy ones leave.
        for (greedy, pause) in [(1, 600), (3, 600), (7, 1500), (15, 3000)] {
            let table = try ReplayTable(capacity: 1000, window: 30, now: 0)
            var (denied, honest) = (0, 0)
            for n in 0..<60_000 {
                let seat = Int.random(in: 0..<greedy, using: &random)
                if table.remember("greedy \(n)", under: "greedy \(seat)") == .full(.share) { denied += 1 }
                guard n % pause == pause - 1 else { continue }
                honest += 1
                // Shares are judged by a sample of the slots, which hashes choose: one sample in thousands misjudges.
                let isTaken = (0..<2).contains { table.remember("honest \(n) \($0)", under: "honest") == .fresh }
                #expect(isTaken, "\(greedy) greedy, call \(honest)")
            }
            #expect(denied > 10_000)
        }
    }

    @Test func capacityIsThereForAnyTreeWhileTwoOthersUseTheirs() throws {
        let table = try ReplayTable(capacity: 1000, window: 30, now: 0)
        for n in 0..<1000 {
            for tree in 0..<3 { #expect(table.remember("\(tree) \(n)", under: "\(tree)") == .fresh) }
        }
        #expect(table.statistics(now: 0).remembered == 3000)
    }

    @Test func callThatWasHeldUpIsDeniedAndItsProofUsed() throws {
        let table = try ReplayTable(capacity: 10, window: 30, now: 0)
        #expect(table.remember("proof", at: 20_000, since: 9999) == .late)
        #expect(table.remember("proof", at: 20_000) == .replayed)
        #expect(table.remember("other", at: 20_000, since: 10_000) == .fresh)
    }

    @Test func proofsAreToldApartByTheirBytes() throws {
        let table = try ReplayTable(capacity: 10, window: 30, now: 0)
        #expect(table.remember("\u{212A}") == .fresh)
        #expect(table.remember("K") == .fresh)
        #expect(table.remember("\u{212A}") == .replayed)
    }

    @Test func memoryIsTakenAsItIsNeeded() throws {
        let table = try ReplayTable(capacity: 1 << 20, window: 30, now: 0)
        #expect(table.statistics(now: 0) == ReplayStatistics(remembered: 0, slots: 131_072, mostSlots: 1 << 23))
        for n in 0..<130_000 { #expect(table.remember("\(n)") == .fresh) }
        #expect(table.statistics(now: 0) == ReplayStatistics(remembered: 130_000, slots: 524_288, mostSlots: 1 << 23))
    }

    /// A clock that runs ahead, in one process, makes nobody forget: only its own time since it came counts.
    @Test func timeOfTheTableNeverRunsFasterThanTheSteadyClocks() throws {
        let directory = try ReplayDirectory()
        let (one, other) = (try directory.table(now: 0), try directory.table(now: 5_000_000))
        #expect(one.remember("proof", at: 0) == .fresh)
        #expect(other.remember("proof", at: 5_000_100) == .replayed)
        #expect(one.room.page.time == 4096 + 100)
        #expect(one.remember("more", at: 60_000) == .fresh)
        #expect(other.room.page.time == 4096 + 60_000)
    }
}
