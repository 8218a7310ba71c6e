import Glibc
import JOSE
import Testing

@testable import AgentID

/// Whatever a caller's clock answers, or if it never does: nothing is permitted by it, and nothing traps.
@Suite struct ClockTests {
    private final class Hand: Sendable {
        let time = Locked<Int64?>(nil)
        let hangs = Monitor(false)
        let asked = Locked(0)

        var clock: CallbackClock {
            CallbackClock { [self] in
                asked.withLock { $0 += 1 }
                _ = hangs.wait { $0 ? nil : true }
                return time.withLock { $0 }
            }
        }
        func set(_ time: Int64?) { self.time.withLock { $0 = time } }
        func hang(_ does: Bool) { hangs.change { $0 = does } }
    }

    private let hand = Hand()
    private let world: World
    private let agent: Agent
    private let now: Int64
    private let call = Array(#"{"path":"/data/q3/a.csv"}"#.utf8)

    init() throws {
        world = try World()
        agent = try world.start()
        now = world.clock.milliseconds
        hand.set(now)
    }

    private func reason(_ guardian: Guard) throws -> String? {
        let proof = try agent.prove(tool: "read_file", arguments: call, audience: "files")
        return guardian.check(
            chain: Array(try agent.chain().utf8), proof: Array(proof.utf8), tool: "read_file", arguments: call
        ).denial?.reason.rawValue
    }

    private static let extremes: [Int64?] = [
        nil, .min, .min + 1, -1, 0, .max, .max - 1, .max / 1000, CheckedClock.latest + 1, -CheckedClock.latest, 1 << 62,
        Int64(Int32.min), -253_402_300_800_000,
    ]

    @Test func noValueOfAClockPermitsOrTraps() throws {
        for bad in Self.extremes {
            let guardian = try world.guarding { $0.clock = hand.clock }
            hand.set(bad)
            #expect(try ["clock_failed", "clock_invalid"].contains(reason(guardian) ?? "permitted"), "\(bad ?? 0)")
            _ = guardian.statistics()
            guardian.refreshed()
            guardian.revoke(try Revocation(.grant, "g"))
            #expect(throws: AgentIDError.self) {
                try guardian.loadRevocations(Array(world.authority.revocationList().utf8))
            }
            // A wrong moment affects only that moment.
            hand.set(now)
            #expect(try reason(guardian) == nil)
        }
    }

    /// Times that are times, and far from the machine's: what has expired by them is denied, and the right one is
    /// believed again.
    @Test func timesFarFromTheMachinesPermitNothingAndPoisonNothing() throws {
        for far in [1, 1000, now - 86_400_000, now + 86_400_000, CheckedClock.latest - 1, CheckedClock.latest] {
            let guardian = try world.guarding { $0.clock = hand.clock }
            #expect(try reason(guardian) == nil)
            hand.set(far)
            #expect(try reason(guardian) != nil, "\(far)")
            hand.set(now)
            #expect(try reason(guardian) == nil, "after \(far)")
        }
    }

    @Test func anAuthoritysClockMayAnswerAnything() throws {
        for bad in Self.extremes {
            let hand = hand
            let home = try World { $0.clock = hand.clock }
            let agent = try home.start()
            hand.set(bad)
            #expect(try agent.check(tool: "read_file", arguments: call).denial != nil)
            #expect(throws: (any Error).self) { try home.start() }
            #expect(throws: AgentIDError.self) { _ = try home.authority.revocationList() }
            // Ends and revocations go on by the machine's clock.
            try home.authority.revoke(Revocation(.principal, "user:bob@acme.example"))
            _ = try home.authority.deprovision(agent: agent.id())
            #expect(throws: AgentIDError.self) { try home.authority.reap() }
            hand.set(now)
        }
    }

    @Test func aClockThatHangsHoldsTheCallsOfItsFirstSecondAndDeniesTheRest() throws {
        let guardian = try world.guarding { $0.clock = hand.clock }
        hand.hang(true)
        let held = Locked<String?>("not yet")
        let (first, kept) = (self, guardian)
        let thread = try BackgroundThread.start(name: "test") { _ in
            let reason = (try? first.reason(kept)) ?? nil
            held.withLock { $0 = reason }
        }
        while hand.asked.withLock({ $0 }) < 2 { usleep(1000) }
        usleep(1_200_000)
        for _ in 0..<100 { #expect(try reason(guardian) == "clock_failed") }
        // Nothing else waits for it.
        guardian.revoke(try Revocation(.grant, "g"))
        _ = guardian.statistics()
        hand.hang(false)
        thread.stop()
        #expect(held.withLock { $0 } == nil, "it was answered, and decided")
        #expect(try reason(guardian) == nil)
    }
}
