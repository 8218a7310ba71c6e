import Foundation
import StrictJSON
import Synchronization
import Testing

@testable import AgentID

/// Many callers' changes in one transaction, each kept or taken back by itself.
@Suite struct GroupedWritesTests {
    private final class Gate: Sendable {
        private let isOpen = Monitor(false)
        func open() { isOpen.change { $0 = true } }
        func pass() { _ = isOpen.wait(milliseconds: 20_000) { $0 ? true : nil } }
    }

    /// What became of each caller, where all of them wait while one is in its transaction.
    private func outcomes(
        _ registry: SQLiteRegistry, callers: Int, within milliseconds: Int = 10_000, holdFor hold: UInt32 = 300_000,
        _ body: @escaping @Sendable (Int, any RegistryWriter) throws -> Void
    ) throws -> [String] {
        let (isIn, mayGo) = (Gate(), Gate())
        let told = Monitor([Int: String]())
        Thread.detachNewThread {
            try? registry.write { _ in
                isIn.open()
                mayGo.pass()
            }
        }
        isIn.pass()
        for i in 0..<callers {
            Thread.detachNewThread {
                var outcome = "kept"
                do throws(AgentIDError) { try registry.write(within: milliseconds) { try body(i, $0) } } catch {
                    outcome = error.name
                }
                told.change { $0[i] = outcome }
            }
        }
        usleep(hold)
        mayGo.open()
        let all = told.wait(milliseconds: 20_000) { $0.count == callers ? $0 : nil }
        return try #require(all).sorted { $0.key < $1.key }.map(\.value)
    }

    private func registry() throws -> (SQLiteRegistry, TemporaryDirectory) {
        let directory = try TemporaryDirectory()
        return (try Shelf.make("\(directory.path)/registry.db"), directory)
    }

    @Test func callersWhoWaitShareOneTransaction() throws {
        let (registry, directory) = try registry()
        defer { withExtendedLifetime(directory) {} }
        let before = try registry.read { try $0.meta().writes }
        let told = try outcomes(registry, callers: 24) { i, registry in
            try registry.insert(Shelf.agent("spiffe://acme.example/agent/p/\(i)"))
        }
        #expect(told == Array(repeating: "kept", count: 24))
        #expect(try registry.read { try $0.agents(AgentFilter()) }.count == 24)
        // One at best; one more for each that came late on a busy machine.
        #expect(try registry.read { try $0.meta().writes } - before < 20)
    }

    @Test func anErrorOfOneCallerIsNoOtherOnes() throws {
        let (registry, directory) = try registry()
        defer { withExtendedLifetime(directory) {} }
        let told = try outcomes(registry, callers: 24) { i, registry in
            try registry.insert(Shelf.agent("spiffe://acme.example/agent/p/\(i)"))
            switch i % 4 {
            // A row that is there already: SQLite refuses it.
            case 1: try registry.insert(Shelf.agent("spiffe://acme.example/agent/p/\(i)"))
            case 2: throw AgentIDError(.state, name: "test", message: "taken back")
            default: try registry.add(1, to: "kept")
            }
        }
        #expect(told == (0..<24).map { ["kept", "registry_conflict", "test", "kept"][$0 % 4] })
        let kept = try registry.read { (try $0.agents(AgentFilter()).map(\.id), try $0.counter("kept")) }
        #expect(
            kept.0.exact
                == (0..<24).filter { [0, 3].contains($0 % 4) }.map {
                    "spiffe://acme.example/agent/p/\($0)"
                }.exact)
        #expect(kept.1 == 12)
    }

    @Test func whoIsOutOfTimeHasWrittenNothingThenOrLater() throws {
        let (registry, directory) = try registry()
        defer { withExtendedLifetime(directory) {} }
        let told = try outcomes(registry, callers: 8, within: 50, holdFor: 1_000_000) { i, registry in
            try registry.add(1, to: "late")
        }
        #expect(told == Array(repeating: "registry_busy", count: 8))
        #expect(try registry.write { try $0.counter("late") } == 0)
    }

    /// One caller's refusal may come of another's change: where that is taken back, the refusal was never true.
    @Test func whereTheWholeFailsNobodyIsRefusedForWhatNeverWas() throws {
        let (registry, directory) = try registry()
        defer { withExtendedLifetime(directory) {} }
        let begun = Atomic<Int>(0)
        let told = try outcomes(registry, callers: 8) { i, registry in
            if begun.add(1, ordering: .relaxed).newValue == 8 {
                // As SQLite does where the disk is full.
                try (registry as? SQLiteSession)?.database.script("ROLLBACK")
                throw AgentIDError(.io, name: "disk_full", message: "the disk is full")
            }
            if try registry.counter("taken") > 0 { throw AgentIDError(.state, name: "taken", message: "it is taken") }
            try registry.add(1, to: "taken")
        }
        #expect(told.contains("disk_full"))
        // A caller who comes late on a busy machine has a transaction of its own.
        if try registry.read({ try $0.counter("taken") }) == 0 {
            #expect(told == Array(repeating: "disk_full", count: 8))
        }
    }
}
