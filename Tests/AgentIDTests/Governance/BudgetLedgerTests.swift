import Foundation
import JOSE
import Synchronization
import TestSupport
import Testing

@testable import AgentID

/// Budgets that the page of meters spends and the registry lends.
@Suite struct BudgetLedgerTests {
    private let start = MetersWorld.start

    private func account(
        _ name: String = "a", limit: Int64, length: Int64? = nil, at time: Int64 = MetersWorld.start
    ) -> BudgetAccount {
        BudgetAccount([name], limit: limit, length: length, end: start + 1_000_000, at: MeterTime(milliseconds: time))
    }

    private func reserve(
        _ amount: Int64, _ accounts: [BudgetAccount], _ ledger: BudgetLedger, _ page: MetersPage, now: Int64? = nil
    ) throws -> BudgetHold? {
        guard case .reserved(let hold) = try ledger.reserve(amount, of: accounts, at: page.look(now ?? start)) else {
            return nil
        }
        return hold
    }

    @Test func whatIsSpentIsExactAndNeverAboveTheLimitAndCanBeSpentToTheLastUnit() throws {
        var random = Seeded.announced("budgets beside a sum")
        for _ in 0..<20 {
            let (world, shelf) = (try MetersWorld(), try Shelf())
            let pages = try [world.page(), world.page()]
            let ledgers = pages.map { BudgetLedger(shelf.registry, $0) }
            let limit = Int64.random(in: 0...10_000, using: &random)
            let account = account(limit: limit)
            var (spent, held): (Int64, [(BudgetHold, Int64)]) = (0, [])
            for _ in 0..<300 {
                let i = Int.random(in: 0...1, using: &random)
                let amount = Int64.random(in: 0...limit / 10 + 3, using: &random)
                switch try ledgers[i].reserve(amount, of: [account], at: pages[i].look(start)) {
                case .reserved(let hold):
                    spent += amount
                    held.append((hold, amount))
                case .exhausted(_, let left):
                    #expect(left == limit - spent && amount > left)
                }
                #expect(spent <= limit)
                if Bool.random(using: &random), let (hold, amount) = held.popLast() {
                    let cost = Int64.random(in: 0...amount, using: &random)
                    #expect(try hold.commit(cost))
                    spent -= amount - cost
                    // Never twice.
                    #expect(try !hold.refund() && !hold.commit(0))
                }
                #expect(try ledgers[0].left(of: account, at: pages[0].look(start)) == limit - spent)
            }
            while try reserve(1, [account], ledgers[0], pages[0]) != nil { spent += 1 }
            #expect(spent == limit)
        }
    }

    @Test func aLimitThatIsLoweredHoldsAtOnceForWhatWasLentBefore() throws {
        let (world, shelf) = (try MetersWorld(), try Shelf())
        let page = try world.page()
        let ledger = BudgetLedger(shelf.registry, page)
        #expect(try reserve(1, [account(limit: 1000)], ledger, page) != nil)
        #expect(try reserve(9, [account(limit: 10)], ledger, page) != nil)
        guard case .exhausted(0, let left) = try ledger.reserve(1, of: [account(limit: 10)], at: page.look(start))
        else {
            Issue.record("more was spent than the limit")
            return
        }
        #expect(left == 0)
        #expect(try reserve(990, [account(limit: 1000)], ledger, page) != nil)
        #expect(try reserve(1, [account(limit: 1000)], ledger, page) == nil)
    }

    @Test func siblingsCountAgainstTheirParentAndARefusalTakesNothing() throws {
        let (world, shelf) = (try MetersWorld(), try Shelf())
        let page = try world.page()
        let ledger = BudgetLedger(shelf.registry, page)
        let parent = account("parent", limit: 100)
        let children = ["x", "y", "z"].map { account($0, limit: 60) }
        #expect(try reserve(50, [children[0], parent], ledger, page) != nil)
        #expect(try reserve(11, [children[0], parent], ledger, page) == nil)
        #expect(try reserve(40, [children[1], parent], ledger, page) != nil)
        guard case .exhausted(1, left: 10) = try ledger.reserve(11, of: [children[2], parent], at: page.look(start))
        else {
            Issue.record("the parent does not refuse")
            return
        }
        #expect(try ledger.left(of: children[2], at: page.look(start)) == 60)
        #expect(try reserve(10, [children[2], parent], ledger, page) != nil)
        #expect(try reserve(1, [children[2], parent], ledger, page) == nil)
    }

    @Test func aBudgetThatIsInUseKeepsItsSliceHoweverLongItLasts() throws {
        let (world, shelf) = (try MetersWorld(), try Shelf())
        let page = try world.page(buckets: 1)
        let ledger = BudgetLedger(shelf.registry, page)
        func account(_ name: String, _ day: Int64) -> BudgetAccount {
            let now = start + day * 86_400_000
            return BudgetAccount(
                [name], limit: 100, length: nil, end: now + 31 * 86_400_000, at: MeterTime(milliseconds: now))
        }
        func reserve(_ name: String, _ day: Int64) throws -> BudgetHold? {
            try self.reserve(1, [account(name, day)], ledger, page, now: start + day * 86_400_000)
        }
        var spent = 0
        for day in stride(from: Int64(0), through: 120, by: 10) {
            spent += try reserve("kept", day) == nil ? 0 : 1
            // Whoever finds a place takes it.
            for other in 0..<200 { _ = try? reserve("\(day) \(other)", day) }
        }
        // Of a call that lasts, too.
        let hold = try #require(try reserve("kept", 120))
        for other in 0..<200 { _ = try? reserve("late \(other)", 150) }
        #expect(try hold.commit(5))
        spent += 5
        while try reserve("kept", 150) != nil { spent += 1 }
        #expect(spent == 100)
    }

    @Test func aCostAboveItsReservationIsCountedAndDeniesFromThenOn() throws {
        let (world, shelf) = (try MetersWorld(), try Shelf())
        let pages = try [world.page(), world.page()]
        let ledgers = pages.map { BudgetLedger(shelf.registry, $0) }
        let account = account(limit: 100)
        let hold = try #require(try reserve(10, [account], ledgers[0], pages[0]))
        #expect(try hold.commit(250))
        for i in 0...1 {
            #expect(try reserve(1, [account], ledgers[i], pages[i]) == nil)
            #expect(try ledgers[i].left(of: account, at: pages[i].look(start)) == -150)
        }
        // Another machine's page sees it too.
        let elsewhere = try MetersPage(path: nil, believesSteps: true, now: start)
        #expect(try reserve(1, [account], BudgetLedger(shelf.registry, elsewhere), elsewhere) == nil)
    }

    @Test func whatWasOverdrawnIsNeverLentAndWhatOthersGiveBackCanStillBeSpent() throws {
        var random = Seeded.announced("overdrafts beside a sum")
        for _ in 0..<30 {
            let (world, shelf) = (try MetersWorld(), try Shelf())
            let page = try world.page()
            let ledger = BudgetLedger(shelf.registry, page)
            let limit = Int64.random(in: 1...1000, using: &random)
            let account = account(limit: limit)
            var (spent, held): (Int64, [(BudgetHold, Int64)]) = (0, [])
            for _ in 0..<200 {
                let amount = Int64.random(in: 0...limit / 4 + 1, using: &random)
                switch try ledger.reserve(amount, of: [account], at: page.look(start)) {
                case .reserved(let hold):
                    spent += amount
                    held.append((hold, amount))
                    #expect(spent <= limit)
                case .exhausted(_, let left): #expect(left == max(limit - spent, 0) && amount > limit - spent)
                }
                if let (hold, amount) = held.randomElement(using: &random), Bool.random(using: &random) {
                    held.removeAll { $0.0 === hold }
                    let cost = Int64.random(in: 0...2 * amount, using: &random)
                    #expect(try hold.commit(cost))
                    spent += cost - amount
                }
                #expect(try ledger.left(of: account, at: page.look(start)) == limit - spent)
            }
            for (hold, amount) in held {
                #expect(try hold.refund())
                spent -= amount
            }
            while try reserve(1, [account], ledger, page) != nil { spent += 1 }
            #expect(spent >= limit)
            #expect(try ledger.left(of: account, at: page.look(start)) == limit - spent)
        }
    }

    /// A registry in which something else happens right before the next write.
    private final class Interrupted: Registry {
        let registry: any Registry
        let next = Locked<(@Sendable () -> Void)?>(nil)
        init(_ registry: any Registry) { self.registry = registry }

        func read<Result>(_ body: (any RegistryReader) throws -> Result) throws(AgentIDError) -> Result {
            try registry.read(body)
        }
        func write<Result>(
            within milliseconds: Int, _ body: (any RegistryWriter) throws -> Result
        ) throws(AgentIDError) -> Result {
            let next = next.withLock { next in
                defer { next = nil }
                return next
            }
            next?()
            return try registry.write(within: milliseconds, body)
        }
        func announceElsewhere() {}
        var changes: UInt64 { registry.changes }
    }

    @Test func costsAboveTheirReservationsThatAreBookedAtOnceAreBookedOnce() throws {
        let (world, shelf) = (try MetersWorld(), try Shelf())
        let page = try world.page()
        let registry = Interrupted(shelf.registry)
        let ledger = BudgetLedger(registry, page)
        let account = account(limit: 100)
        let one = try #require(try reserve(50, [account], ledger, page))
        let other = try #require(try reserve(50, [account], ledger, page))
        registry.next.withLock { $0 = { _ = try? other.commit(60) } }
        #expect(try one.commit(70))
        #expect(try ledger.left(of: account, at: page.look(start)) == -30)
        // Another machine's page: as much was booked as was spent, and no more.
        let elsewhere = try MetersPage(path: nil, believesSteps: true, now: start)
        #expect(try BudgetLedger(shelf.registry, elsewhere).left(of: account, at: elsewhere.look(start)) == -30)
        #expect(try reserve(1, [account], ledger, page) == nil)
    }

    @Test func aPowerCutLosesASliceAtMostAndToTheSafeSide() throws {
        let (world, shelf) = (try MetersWorld(), try Shelf())
        var spent: Int64 = 0
        for run in 0..<6 {
            // What the kernel had not written is gone: here all of what was spent since.
            let before = try? world.read()
            let page = try world.page(steady: MovedClock(1_000_000, run: "run \(run)").steady)
            let ledger = BudgetLedger(shelf.registry, page)
            let account = account(limit: 100_000)
            for _ in 0..<10 where try reserve(100, [account], ledger, page) != nil { spent += 100 }
            let left = try ledger.left(of: account, at: page.look(start))
            #expect(left + spent <= 100_000 && left >= 100_000 * 7 / 10 - 30_000 * Int64(run))
            if let before { try before.write(to: URL(fileURLWithPath: world.file)) }
            setMode(world.file, 0o600)
        }
        let page = try world.page(steady: MovedClock(1, run: "last").steady)
        let ledger = BudgetLedger(shelf.registry, page)
        let last = account(limit: 100_000)
        while try reserve(7, [last], ledger, page) != nil { spent += 7 }
        #expect(spent <= 100_000)
    }

    @Test func aPageThatWasRemovedTakesWhatItWasLentWithIt() throws {
        let (world, shelf) = (try MetersWorld(), try Shelf())
        let account = account(limit: 1000)
        var spent: Int64 = 0
        for _ in 0..<5 {
            let page = try world.page()
            let ledger = BudgetLedger(shelf.registry, page)
            for _ in 0..<50 where try reserve(1, [account], ledger, page) != nil { spent += 1 }
            try FileManager.default.removeItem(atPath: world.file)
        }
        let page = try world.page()
        let ledger = BudgetLedger(shelf.registry, page)
        while try reserve(1, [account], ledger, page) != nil { spent += 1 }
        #expect(spent <= 1000 && spent > 250)
    }

    @Test func aPeriodBeginsWithItsWholeLimitAndTakesNothingOverFromTheLast() throws {
        let (world, shelf) = (try MetersWorld(), try Shelf())
        let page = try world.page(buckets: 1)
        let ledger = BudgetLedger(shelf.registry, page)
        let day: Int64 = 86_400_000
        var now = start - start % day
        for _ in 0..<40 {
            let first = account(limit: 100, length: day, at: now)
            let last = account(limit: 100, length: day, at: now + day - 1)
            let hold = try #require(try reserve(60, [first], ledger, page, now: now))
            #expect(try reserve(60, [last], ledger, page, now: now + day - 1) == nil)
            #expect(try reserve(40, [last], ledger, page, now: now + day - 1) != nil)
            now += day
            // Late: it is yesterday's money.
            _ = try hold.refund()
        }
    }

    /// A registry that fails, or fails after it did what it was asked: as for a process that is killed then.
    private final class Failing: Registry {
        let registry: any Registry
        let mode = Atomic<Int>(0)
        init(_ registry: any Registry) { self.registry = registry }
        static let failure = AgentIDError(.io, name: "disk_full", message: "the disk is full", at: "registry.db")

        func read<Result>(_ body: (any RegistryReader) throws -> Result) throws(AgentIDError) -> Result {
            try registry.read(body)
        }
        func write<Result>(
            within milliseconds: Int, _ body: (any RegistryWriter) throws -> Result
        ) throws(AgentIDError) -> Result {
            if mode.load(ordering: .relaxed) == 1 { throw Self.failure }
            let result = try registry.write(within: milliseconds, body)
            if mode.load(ordering: .relaxed) == 2 { throw Self.failure }
            return result
        }
        func announceElsewhere() {}
        var changes: UInt64 { registry.changes }
    }

    @Test func aFullDiskDeniesAndWhatWasBookedBeforeAProcessDiedIsNotLost() throws {
        let (world, shelf) = (try MetersWorld(), try Shelf())
        let page = try world.page()
        let failing = Failing(shelf.registry)
        let ledger = BudgetLedger(failing, page)
        let account = account(limit: 1000)
        var spent: Int64 = 0
        for turn in 0..<600 {
            failing.mode.store(turn % 3, ordering: .relaxed)
            do {
                if try reserve(3, [account], ledger, page) != nil { spent += 3 }
            } catch { #expect((error as? Denial)?.reason.rawValue == "budget_unavailable") }
        }
        failing.mode.store(0, ordering: .relaxed)
        while try reserve(1, [account], ledger, page) != nil { spent += 1 }
        #expect(spent == 1000)
    }

    @Test(.disabled(if: Sanitizer.isThread))
    func processesThatAreKilledAndStoppedSpendNoMoreThanTheLimitAndAllOfIt() throws {
        var random = Seeded.announced("killed spenders")
        let directory = try TemporaryDirectory()
        var options = Authority.Options()
        (options.trustDomain, options.audit) = ("acme.example", .none)
        _ = try Authority.open(directory: directory.path, options: options)
        let limit: Int64 = 12_007
        func start(_ amount: Int, _ tries: Int) throws -> (process: Process, output: Pipe) {
            try AuditProcessTests.start(["budget", directory.path, "\(limit)", "\(amount)", "\(tries)"])
        }
        func spent(_ pipe: Pipe, _ amount: Int64) -> Int64 {
            amount * Int64(pipe.fileHandleForReading.readDataToEndOfFile().filter { $0 == UInt8(ascii: ".") }.count)
        }
        var (said, unsaid): (Int64, Int64) = (0, 0)
        let stopped = try start(5, 100_000)
        usleep(150_000)
        kill(stopped.process.processIdentifier, SIGSTOP)
        for _ in 0..<6 {
            let started = try (0..<3).map { _ in try start(5, 100_000) }
            usleep(UInt32.random(in: 60_000...200_000, using: &random))
            for (process, pipe) in started {
                kill(process.processIdentifier, SIGKILL)
                (said, unsaid) = (said + spent(pipe, 5), unsaid + 4 * 5)
                process.waitUntilExit()
            }
        }
        kill(stopped.process.processIdentifier, SIGKILL)
        (said, unsaid) = (said + spent(stopped.output, 5), unsaid + 4 * 5)
        stopped.process.waitUntilExit()
        let last = try (0..<4).map { _ in try start(1, 4000) }
        for (process, pipe) in last {
            said += spent(pipe, 1)
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
        }
        // What a process had reserved and could not say counts as spent.
        #expect(said <= limit && said >= limit - unsaid)
    }
}
