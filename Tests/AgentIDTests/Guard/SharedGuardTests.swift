import AgentID
import Foundation
import StrictJSON
import Synchronization
import Testing

/// One guard, many threads: for ThreadSanitizer, and for the promise that a revocation shows when it has returned.
@Suite struct SharedGuardTests {
    /// A chain, and when it was revoked.
    final class Target: Sendable {
        let chain: [UInt8]
        let agent: Agent
        let isRevoked = Atomic(false)
        init(_ agent: Agent) throws {
            self.agent = agent
            chain = Array(try agent.chain().utf8)
        }
    }

    final class Tally: Sendable {
        let (late, permitted, denied, finished) = (Counter(), Counter(), Counter(), Counter())
        let isOver = Atomic(false)
    }

    final class Counter: Sendable {
        private let value = Atomic(0)
        var count: Int { value.load(ordering: .relaxed) }
        func add() { value.add(1, ordering: .relaxed) }
    }

    @Test func nothingIsPermittedAfterARevocationReturned() async throws {
        let world = try World()
        var options = Guard.Options()
        options.audience = "files"
        options.replayCapacity = 1 << 22
        options.clock = world.clock
        let guardian = try world.authority.guarding(options)
        let parents = try (0..<24).map { _ in try world.start() }
        let targets = try parents.map { try Target($0.spawn("reader", .sameScope())) }
        let arguments = Array(#"{"path":"/data/q3/a.csv"}"#.utf8)
        let tally = Tally()

        // Threads, not tasks: a guard is called from wherever its host likes.
        let workers = (0..<8).map { seat in
            Thread {
                defer { tally.finished.add() }
                var turn = seat
                while !tally.isOver.load(ordering: .acquiring) {
                    let target = targets[turn % targets.count]
                    turn += 1
                    let wasRevoked = target.isRevoked.load(ordering: .acquiring)
                    guard
                        let proof = try? target.agent.prove(tool: "read_file", arguments: arguments, audience: "files")
                    else { continue }
                    let decision = guardian.check(
                        chain: target.chain, proof: Array(proof.utf8), tool: "read_file", arguments: arguments)
                    if decision.isPermitted {
                        tally.permitted.add()
                        if wasRevoked { tally.late.add() }
                    } else {
                        tally.denied.add()
                        #expect(decision.denial?.reason.rawValue == "authority_revoked")
                    }
                }
            }
        }
        for worker in workers { worker.start() }
        // On a thread too: the pool of tasks may be busy with other tests for long, and these threads never wait.
        await withCheckedContinuation { isOver in
            Thread {
                while tally.permitted.count < 200 { usleep(1000) }
                for (parent, target) in zip(parents, targets) {
                    #expect(throws: Never.self) { try world.authority.revoke(Revocation(.agent, parent.id())) }
                    target.isRevoked.store(true, ordering: .releasing)
                    usleep(2000)
                }
                let before = tally.denied.count
                while tally.denied.count < before + 200 { usleep(1000) }
                tally.isOver.store(true, ordering: .releasing)
                while tally.finished.count < 8 { usleep(1000) }
                isOver.resume()
            }.start()
        }
        #expect(tally.late.count == 0)
    }
}
