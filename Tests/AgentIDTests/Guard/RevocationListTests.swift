import Foundation
import Synchronization
import Testing
import TestSupport

@testable import AgentID

@Suite struct RevocationListTests {
    private static func revocation(_ number: Int) -> Revocation {
        Revocation(unchecked: Revocation.Kind.allCases[number % 2], "name \(number / 2)")
    }

    @Test func listAnswersAsAPlainSetDoes() throws {
        var random = Seeded.announced("listAnswersAsAPlainSetDoes")
        for _ in 0..<40 {
            let list = RevocationList()
            var model: Set<Revocation> = []
            let names = Int.random(in: 2...3000, using: &random)
            for _ in 0..<Int.random(in: 1...60, using: &random) {
                let batch = (0..<Int.random(in: 0...200, using: &random)).map { _ in
                    Self.revocation(Int.random(in: 0..<names, using: &random))
                }
                let (before, held) = (list.sequence, model.count)
                list.add(batch)
                model.formUnion(batch)
                #expect(list.first(of: batch) == batch.first)
                #expect((list.sequence != before) == (model.count != held))
                #expect(list.count == model.count)
                let asked = (0..<20).map { _ in Self.revocation(Int.random(in: 0..<names, using: &random)) }
                #expect(list.first(of: asked) == asked.first(where: model.contains))
            }
            for number in 0..<names {
                let asked = Self.revocation(number)
                #expect((list.first(of: [asked]) != nil) == model.contains(asked))
            }
        }
    }

    @Test func namesAreComparedByteForByte() throws {
        let (composed, decomposed) = (try Revocation(.grant, "\u{E9}"), try Revocation(.grant, "e\u{301}"))
        let list = RevocationList()
        list.add([composed])
        #expect(composed != decomposed)
        #expect(list.first(of: [decomposed]) == nil)
        #expect(list.first(of: [decomposed, composed]) == composed)
    }

    @Test func millionRevocationsTake32MegabytesHoweverTheyCame() throws {
        var random = Seeded.announced("millionRevocationsTake32MegabytesHoweverTheyCame")
        let keys = (0..<1_000_000).map { _ in
            RevocationKey(head: random.next(), tail: random.next())
        }
        let atOnce = try #require(RevocationSnapshot().adding(keys))
        var inTurn = RevocationSnapshot()
        var rest = keys[...]
        while !rest.isEmpty {
            let batch = rest.prefix(Int.random(in: 1...5000, using: &random))
            rest = rest.dropFirst(batch.count)
            inTurn = try #require(inTurn.adding(batch))
        }
        for snapshot in [atOnce, inTurn] {
            #expect(snapshot.count == 1_000_000)
            #expect(snapshot.byteCount <= 32_000_000)
            #expect(keys.allSatisfy(snapshot.contains))
            #expect(
                !(0..<100_000).contains { _ in
                    snapshot.contains(RevocationKey(head: random.next(), tail: random.next()))
                })
            #expect(snapshot.adding(keys.prefix(1000)) == nil)
        }
    }

    @Test func keysThatCrowdOnePlaceAreAllFound() throws {
        let keys = [0, 1, UInt64.max - 1, .max].flatMap { head in
            (0..<50).map { RevocationKey(head: head, tail: $0) }
        }
        let set = CompactKeySet(keys + keys)
        #expect(set.count == Set(keys).count)
        #expect(keys.allSatisfy(set.contains))
        #expect(!set.contains(RevocationKey(head: .max, tail: 50)))
        #expect(!CompactKeySet([]).contains(RevocationKey(head: 0, tail: 0)))
    }

    /// Eight threads look for what a ninth adds: what was announced is found, and stays found.
    @Test func whatWasAddedShowsToEveryThread() throws {
        let list = RevocationList()
        let announced = Atomic<Int>(0)
        let missing = Atomic<Int>(0)
        let total = 3000
        let all = (0..<total).map(Self.revocation)
        let never = try Revocation(.profile, "never")
        inThreads(9) { thread in
            if thread == 0 {
                for (number, revocation) in all.enumerated() {
                    list.add([revocation])
                    announced.store(number + 1, ordering: .releasing)
                }
                return
            }
            var seen = 0
            while seen < total {
                let sequence = list.sequence
                seen = announced.load(ordering: .acquiring)
                for number in [0, seen / 2, seen - 1] where number >= 0 && number < seen {
                    if list.first(of: [never, all[number]]) == nil { missing.add(1, ordering: .relaxed) }
                }
                if list.count < Int(sequence) { missing.add(1, ordering: .relaxed) }
            }
        }
        #expect(missing.load(ordering: .relaxed) == 0)
        #expect(list.count == total)
        #expect(list.first(of: [never]) == nil)
    }
}

/// Runs `body` in so many threads at once, and waits for all.
func inThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    let group = DispatchGroup()
    for number in 0..<count {
        group.enter()
        Thread.detachNewThread {
            body(number)
            group.leave()
        }
    }
    group.wait()
}
