import Glibc
import Scopes
import Synchronization
import Testing

@testable import AgentID

/// A clock that is wrong when agents start, and set right: they go on within a moment, whoever decides.
@Suite struct ClockSetTests {
    private final class Hands: Sendable { let off = Atomic<Int64>(0) }
    private let hands = Hands()
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// On the machine's clock, but for what it is off by.
    private func opened(wrong: Int64 = 0) throws -> Authority {
        hands.off.store(wrong, ordering: .relaxed)
        var options = Authority.Options()
        let hands = hands
        options.trustDomain = "acme.example"
        options.clock = CallbackClock { SystemClock().milliseconds + hands.off.load(ordering: .relaxed) }
        let authority = try Authority.open(directory: directory.path + "/acme", options: options)
        try authority.put(Profile(name: "p", owner: "team:x", ceiling: Scope("a"), maxLifetime: 600))
        return authority
    }

    private func start(_ authority: Authority) throws -> Agent {
        try authority.startAgent(profile: "p", AgentRequest(principal: "user:x", task: "t", scope: Scope("a")))
    }

    private func reason(_ agent: Agent) throws -> String? {
        try agent.check(tool: "a", arguments: bytes("{}")).denial?.reason.rawValue
    }

    private func waitUntil(within seconds: Int64 = 10, _ condition: () throws -> Bool) throws -> Bool {
        let start = MonotonicClock.milliseconds
        while MonotonicClock.milliseconds - start < seconds * 1000 {
            if try condition() { return true }
            usleep(20_000)
        }
        return try condition()
    }

    @Test(arguments: [-86_400_000, -400_000, 86_400_000] as [Int64])
    func anAgentThatStartedUnderAClockThatWasWrongGoesOnOnceItIsRight(off: Int64) throws {
        let authority = try opened(wrong: off)
        let agent = try start(authority)
        let child = try agent.spawn("c", .sameScope())
        #expect(try reason(child) == nil)
        hands.off.store(0, ordering: .relaxed)
        #expect(try waitUntil { try reason(child) == nil && reason(agent) == nil })
    }

    @Test(arguments: [-86_400_000, 86_400_000] as [Int64])
    func anAgentThatStartedInAWrongMomentGoesOnWithoutACall(off: Int64) throws {
        let authority = try opened()
        let first = try start(authority)
        hands.off.store(off, ordering: .relaxed)
        let agent = try? start(authority)
        hands.off.store(0, ordering: .relaxed)
        #expect(try reason(first) == nil)
        guard let agent else { return }
        let id = try agent.id()
        #expect(
            try waitUntil {
                let lease = try #require(try authority.registry.read { try $0.lease(of: id) })
                let left = lease.expires - SystemClock().milliseconds
                return (200_000...360_000).contains(left)
            })
        #expect(try waitUntil { try reason(agent) == nil })
    }

    @Test func aLeaseThatAClockWhichWasAheadDatedIsShortAgainOnceItIsRight() throws {
        let authority = try opened()
        let agent = try start(authority)
        let id = try agent.id()
        func left() throws -> Int64 {
            try #require(try authority.registry.read { try $0.lease(of: id) }).expires - SystemClock().milliseconds
        }
        hands.off.store(86_400_000, ordering: .relaxed)
        #expect(try waitUntil { try left() > 80_000_000 })
        hands.off.store(0, ordering: .relaxed)
        #expect(try waitUntil { try left() < 360_000 })
        #expect(try waitUntil { try reason(agent) == nil })
        withExtendedLifetime(agent) {}
    }
}
