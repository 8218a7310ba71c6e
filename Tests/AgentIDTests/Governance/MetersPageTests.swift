import Foundation
import Policy
import Synchronization
import TestSupport
import Testing

@testable import AgentID

/// The page of meters, as guards of one directory share it.
@Suite struct MetersPageTests {
    private let start = MetersWorld.start

    @Test func whatOneHolderTakesAnotherHasNot() throws {
        let world = try MetersWorld()
        let rate = try #require(GCRA(calls: 3, period: 60_000, burst: 3))
        let (one, other) = (try world.page(), try world.page())
        #expect(try one.take("a", rate, now: start) == nil && other.take("a", rate, now: start) == nil)
        #expect(try one.take("a", rate, now: start) == nil && other.take("a", rate, now: start) == 20_000)
        #expect(try one.take("b", rate, now: start) == nil)
        let again = try world.page(now: start + 20_000)
        #expect(
            try again.take("a", rate, now: start + 19_999) == 1 && again.take("a", rate, now: start + 20_000) == nil)
    }

    @Test func aBurstThatManyThreadsTakeFromIsNeverExceededAndAlwaysExhausted() throws {
        let world = try MetersWorld()
        let rate = try #require(GCRA(calls: 1000, period: 3_600_000, burst: 1000))
        let pages = try (0..<2).map { _ in try world.page() }
        let taken = Counter()
        DispatchQueue.concurrentPerform(iterations: 8) { thread in
            for _ in 0..<500 where (try? pages[thread % 2].take("hot", rate, now: start)) == .some(nil) { taken.add() }
        }
        #expect(taken.value == 1000)
    }

    @Test func threadsAndProcessesWhoseTimesDifferTakeNoMoreThanFlowsOff() throws {
        var random = Seeded.announced("times that differ")
        for lead in [1, 90] as [Int64] {
            let (world, clock) = (try MetersWorld(), MovedClock())
            let page = try world.page(isMachine: true, now: MetersWorld.start, steady: clock.steady)
            let rate = try #require(GCRA(calls: 1000, period: 1000, burst: 10))
            let slot = try page.slot(of: page.key(["r"]), .rate, at: page.look(MetersWorld.start))
            var (now, taken) = (MetersWorld.start, Int64(0))
            for _ in 0..<20_000 {
                let step = Int64.random(in: 0...1, using: &random)
                now += step
                clock.move(by: step)
                // Read a moment before it is used, or by a clock that was set by less than is looked at.
                let time = MeterTime(milliseconds: now + Int64.random(in: -2...lead, using: &random))
                if try page.take(slot, rate, at: time) == nil { taken += 1 }
                #expect(taken <= 10 + now - MetersWorld.start + lead)
            }
            // Nor less, where they hardly differ.
            if lead == 1 { #expect(taken >= now - MetersWorld.start - 200) }
        }
    }

    @Test func aMeterIsClaimedOnceHoweverManyLookForItAndWhateverItsSlotWas() throws {
        let world = try MetersWorld()
        let rate = try #require(GCRA(calls: 3, period: 3000, burst: 3))
        let pages = try (0..<4).map { _ in try world.page(buckets: 2) }
        var random = Seeded.announced("claims")
        // 64 slots in two buckets, the same for all: in each round other meters want them, all at once.
        for round in 0..<60 {
            let now = start + Int64(round) * 10_000
            let names = (0..<60).map { "\(Int.random(in: 0..<400, using: &random)) of \($0)" }
            let taken = names.map { _ in Counter() }
            DispatchQueue.concurrentPerform(iterations: 8) { thread in
                for i in names.indices {
                    let i = (i + thread / 2 * 13) % names.count
                    if (try? pages[thread % 4].take(names[i], rate, now: now)) == .some(nil) { taken[i].add() }
                }
            }
            #expect(taken.allSatisfy { $0.value == 3 }, "round \(round): \(taken.map(\.value))")
        }
    }

    @Test func aFloodOfSubjectsEvictsNoMeterThatCounts() throws {
        let world = try MetersWorld()
        let page = try world.page(buckets: 2)
        let rate = try #require(GCRA(calls: 1, period: 60_000, burst: 1))
        for i in 0..<64 { #expect(try page.take("\(i)", rate, now: start) == nil) }
        for i in 0..<1000 {
            #expect { try page.take("flood \(i)", rate, now: start + 59_000) } throws: {
                ($0 as? Denial)?.reason.rawValue == "meters_full"
            }
        }
        for i in 0..<64 { #expect(try page.take("\(i)", rate, now: start + 59_000) == 1000) }
        // What flowed off makes room.
        for i in 0..<64 { #expect(try page.take("later \(i)", rate, now: start + 62_000) == nil) }
        #expect(page.room == (64, 64))
    }

    @Test func aSlotThatWasGivenToAnotherIsNoPartOfTheMeterAnyMore() throws {
        let world = try MetersWorld()
        let page = try world.page(buckets: 1)
        let rate = try #require(GCRA(calls: 1, period: 1000, burst: 1))
        let time = try page.look(start)
        let slot = try page.slot(of: page.key(["first"]), .rate, at: time)
        #expect(try page.take(slot, rate, at: time) == nil)
        let later = try page.look(start + 5000)
        for i in 0..<32 { _ = try page.slot(of: page.key(["\(i)"]), .rate, at: later) }
        // Nothing is given back to whoever has it now, and the meter is looked for again.
        try page.giveBack(slot, rate, since: time, by: CheckedClock(CallbackClock { MetersWorld.start }))
        #expect { try page.take(slot, rate, at: later) } throws: { ($0 as? Denial)?.reason.rawValue == "meters_full" }
        let last = try page.look(start + 9000)
        #expect(try page.take(slot, rate, at: last) == nil && page.take(slot, rate, at: last) == 1000)
    }

    @Test func aClaimThatWasLeftHalfDoneIsFinishedByTheNextOrGivenToAnother() throws {
        let world = try MetersWorld()
        let page = try world.page(buckets: 1)
        let key = page.key(["left"])
        let rate = try #require(GCRA(calls: 1, period: 1000, burst: 1))
        _ = try page.look(start)
        let secret = try MetersHeader(reading: Array(world.read()), path: "").key
        let nonce = GCRA.full(at: start) | 77
        let name = MeterName.of(key, .rate) | MeterName.pending
        try world.write([MeterName.sealed(name, nonce, secret), nonce], at: MetersWorld.slots)
        #expect(try page.take("left", rate, now: start) == nil && page.take("left", rate, now: start) == 1000)
        try world.write([MeterName.sealed(name, nonce, secret), nonce], at: MetersWorld.slots)
        let time = try page.look(start + 10_001)
        #expect(try page.slot(of: page.key(["other"]), .rate, at: time).index == 0)
    }

    @Test func aClaimantThatIsStoppedBetweenItsStepsChangesNothingOfWhoHasTheSlotSince() throws {
        for kind in [MeterKind.labels, .slice] {
            for step in 0..<3 {
                let world = try MetersWorld()
                let page = try world.page(buckets: 1)
                let places = MeterPlaces(page.words, page.header, page.key(["stopped"]), kind, at: start)
                let mine = places.pending()
                #expect(try places.claim(0, (0, 0), for: mine))
                let beside = step == 0 ? nil : places.beside(0, mine)
                if step == 2, let beside { #expect(places.begin(0, mine, beside, start + 5000)) }
                let other = try lent(page, 100, spending: 60, at: start + 11_000)
                #expect(other.slot.index == 0)
                if let beside { #expect(!places.begin(0, mine, beside, start + 5000)) }
                #expect(try !places.confirm(0, mine, start + 5000))
                #expect(try page.state(of: other.slot)?.holder == other.holder)
                #expect(try page.state(of: other.slot)?.lent == 100 && page.state(of: other.slot)?.spent == 60)
            }
        }
    }

    private func lent(
        _ page: MetersPage, _ amount: Int64, spending spent: Int64, at now: Int64
    ) throws -> (slot: MeterSlot, holder: UInt64) {
        let time = try page.look(now)
        let slot = try page.slice(of: page.key(["lent"]), until: now + 1_000_000, at: time, from: nil)
        let state = try #require(try page.state(of: slot))
        #expect(state.lent == 0 && state.spent == 0)
        page.lend(slot, to: state.holder, inAll: amount)
        #expect(try page.reserve(slot, spent) == .taken)
        return (slot, state.holder)
    }

    @Test func labelsThatHaveLapsedChangeNothingOfWhoHasTheirSlotSince() throws {
        let world = try MetersWorld()
        let page = try world.page(buckets: 1)
        let time = try page.look(start)
        let slot = try page.slot(of: page.key(["task"]), .labels, until: start + 1000, at: time)
        try page.raise(slot, bits: 1, until: start + 1000, at: time)
        let other = try lent(page, 100, spending: 60, at: start + 5000)
        #expect(other.slot.index == slot.index)
        let later = try page.look(start + 5000)
        #expect(try page.bits(slot, until: start + 9000, at: later) == 0)
        try page.release(slot, at: later)
        try page.raise(slot, bits: 2, until: start + 9000, at: later)
        #expect(try page.bits(of: slot.key, until: 0, at: later) == 2)
        #expect(try page.state(of: other.slot)?.lent == 100)
        guard case .short(_, of: other.holder, lent: 100) = try page.reserve(other.slot, 41) else {
            Issue.record("more was spent than was lent")
            return
        }
    }

    @Test func labelsStayUntilTheyAreNotNeeded() throws {
        let world = try MetersWorld()
        let page = try world.page(buckets: 1)
        let until = start + 100_000
        let time = try page.look(start)
        let slot = try page.slot(of: page.key(["task"]), .labels, until: until, at: time)
        try page.raise(slot, bits: 0b101, until: until, at: time)
        try page.raise(slot, bits: 0b010, until: until, at: time)
        let rate = try #require(GCRA(calls: 1, period: 1, burst: 1))
        for i in 0..<200 { _ = try page.take("\(i)", rate, now: start + Int64(i) * 2000) }
        #expect(try page.bits(slot, until: until, at: page.look(start)) == 0)
        let kept = try page.slot(of: page.key(["longer"]), .labels, until: until, at: time)
        try page.raise(kept, bits: 7, until: .max, at: time)
        for i in 0..<200 { _ = try? page.take("\(i)", rate, now: start + Int64(i) * 200_000) }
        #expect(try page.bits(kept, until: until, at: page.look(start)) == 7)
        #expect(try world.page(buckets: 1).bits(kept, until: until, at: time) == 7)
    }
}
