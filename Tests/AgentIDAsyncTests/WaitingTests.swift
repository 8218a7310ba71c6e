import AgentID
import AgentIDAsync
import Glibc
import Testing

@testable import AgentIDAsync

/// What waits does so on threads of the library's own, and never on those that all tasks share.
@Suite(.timeLimit(.minutes(10))) struct WaitingTests {
    /// One more than there are cooperative threads.
    private let many = sysconf(Int32(_SC_NPROCESSORS_ONLN)) + 1

    /// Runs a call many times at once against a closed gate, and returns when all wait at it, which cannot happen where one
    /// of them holds a cooperative thread: then opens the gate.
    private func crowd(at gate: Gate, arrivals: Int? = nil, _ call: @escaping @Sendable () async throws -> Void)
        async throws
    {
        try await withThrowingTaskGroup { group in
            for _ in 0..<many { group.addTask { try await call() } }
            await gate.hasArrived(arrivals ?? many)
            // Others get their turn, with all of them waiting.
            for _ in 0..<100 { await Task { await Task.yield() }.value }
            gate.open()
            try await group.waitForAll()
        }
    }

    /// Takes secrets out, more at once than there are threads for them, while `body` runs.
    private func hundredSecrets(
        in world: World, of agent: Agent, _ body: () async throws -> Void = {}
    ) async throws {
        try await withThrowingTaskGroup { group in
            for _ in 0..<100 {
                group.addTask {
                    try await world.authority.withSecret(
                        for: permit(on: agent), from: "vault", resource: "r", timeToLive: 60
                    ) { _ in }
                }
            }
            try await body()
            try await group.waitForAll()
        }
    }

    @Test func callRunsOnAThreadOfTheLibrarysAndItsCallerDoesNot() async {
        #expect(await WaitingThreads.run { threadName() } == "agentid-wait")
        #expect(threadName() != "agentid-wait")
    }

    @Test func startsThatWaitBlockNobody() async throws {
        let gate = Gate(isOpen: true)
        let world = try await World(clock: CallbackClock { gate.pass(SystemClock().milliseconds) })
        gate.close()
        try await crowd(at: gate) { try await world.withAgent { #expect(isPermitted($0)) } }
        #expect(try await world.ends() == Array(repeating: "its task is done", count: many))
    }

    @Test func durableDecisionsBlockNobody() async throws {
        let gate = Gate(isOpen: true)
        let world = try await World(clock: CallbackClock { gate.pass(SystemClock().milliseconds) })
        try await world.withAgent { agent in
            gate.close()
            try await crowd(at: gate) {
                let arguments = Array(#"{"path":"/data/q3/a"}"#.utf8)
                let decision = try await agent.checkDurably(tool: "read_file", arguments: arguments)
                #expect(decision.isPermitted)
            }
        }
    }

    @Test func providersThatWaitBlockNobody() async throws {
        let (gate, world) = (Gate(), try await World())
        try world.authority.add(WaitingProvider(gate: gate), named: "vault")
        try await world.withAgent { agent in
            try await crowd(at: gate) {
                try await world.authority.withSecret(
                    for: permit(on: agent), from: "vault", resource: "r", timeToLive: 60
                ) { secret in #expect(secret.withSpan { $0.count } == 3) }
            }
        }
        #expect(try await world.authority.brokerLeases().isEmpty)
    }

    @Test func asyncProvidersThatCallBackBlockNobody() async throws {
        let world = try await World()
        try world.authority.add(CallingProvider(authority: world.authority), named: "vault")
        try await world.withAgent { agent in
            try await hundredSecrets(in: world, of: agent)
        }
        #expect(try await world.authority.brokerLeases().isEmpty)
    }

    @Test func authorityIsTakenAwayWhileEveryProviderHangs() async throws {
        let (gate, world) = (Gate(), try await World())
        try world.authority.add(WaitingProvider(gate: gate), named: "vault")
        try await world.withAgent { agent in
            let doomed = try await [
                world.authority.startAgent(profile: "researcher", world.request),
                world.authority.startAgent(profile: "researcher", world.request),
                world.authority.startAgent(profile: "researcher", world.request),
            ]
            try await hundredSecrets(in: world, of: agent) {
                // All threads that there are for them.
                await gate.hasArrived(64)
                try await world.authority.suspend(agent: doomed[0].id())
                try await world.authority.revoke(Revocation(.agent, doomed[1].id()))
                try await doomed[2].end()
                for one in doomed { #expect(!isPermitted(one)) }
                try await world.withAgent { #expect(isPermitted($0)) }
                gate.open()
            }
        }
    }

    @Test func waitingForASlowHookBlocksNobody() async throws {
        let (gate, world) = (Gate(), try await World())
        try await world.authority.add(Hook("slow", on: [.created], action: .callback { _ in gate.pass(()) }))
        try await world.withAgent { _ in
            // One delivery waits in the hook, all others for it to be over.
            let settled = Task {
                try await withThrowingTaskGroup { group in
                    for _ in 0..<many { group.addTask { try await world.authority.settle(milliseconds: 60_000) } }
                    return try await group.reduce(true) { $0 && $1 }
                }
            }
            await gate.hasArrived(1)
            for _ in 0..<100 { await Task { await Task.yield() }.value }
            gate.open()
            let isSettled = try await settled.value
            #expect(isSettled)
        }
    }

    @Test func asyncHookIsToldAndToldAgainWhereItThrew() async throws {
        let world = try await World()
        let (events, told) = AsyncStream<String>.makeStream()
        let isFirst = Monitor(true)
        try await world.authority.add(
            Hook("pager", on: [.created]) { event in
                await Task.yield()
                told.yield(event)
                if isFirst.change({ first in
                    defer { first = false }; return first
                }) {
                    throw Refused()
                }
            })
        try await world.withAgent { agent in
            var heard = events.makeAsyncIterator()
            let (first, second) = (await heard.next(), await heard.next())
            #expect(first == second)
            let event = try JSON(parsing: #require(first)).root
            #expect(try event["agent"]?.string == agent.id())
        }
    }

    @Test func asyncHookIsCancelledAtItsDeadline() async throws {
        let world = try await World()
        let (cancellations, cancelled) = AsyncStream<Bool>.makeStream()
        try await world.authority.add(
            Hook("stuck", on: [.created], deadline: 1, maxAttempts: 1) { _ in
                try? await Task.sleep(for: .seconds(3600))
                cancelled.yield(Task.isCancelled)
            })
        try await world.withAgent { _ in
            #expect(await cancellations.first { _ in true } == true)
            _ = try await world.authority.settle(milliseconds: 60_000)
            #expect(try await world.authority.deliveries(dead: true).count == 1)
        }
    }

    @Test func asyncHookThatGoesOnAfterItsDeadlineIsGivenNoOtherEvent() async throws {
        let world = try await World()
        let state = Monitor((now: 0, most: 0, mayEnd: false))
        try await world.authority.add(
            Hook("deaf", on: [.created], deadline: 1, maxAttempts: 2) { _ in
                state.change { ($0.now, $0.most) = ($0.now + 1, max($0.most, $0.now + 1)) }
                while !state.change({ $0.mayEnd }) {
                    await Task.detached { try? await Task.sleep(for: .milliseconds(5)) }.value
                }
                state.change { $0.now -= 1 }
            })
        try await world.withAgent { _ in
            var dead = 0
            while dead == 0 {
                _ = try await world.authority.settle(milliseconds: 60_000)
                try await Task.sleep(for: .milliseconds(20))
                dead = try await world.authority.deliveries(dead: true).count
            }
            #expect(state.change { $0.most } == 1)
            state.change { $0.mayEnd = true }
        }
    }

    @Test func secretIsReturnedOnEveryWayOut() async throws {
        let (world, provider) = (try await World(), CountingProvider())
        try world.authority.add(provider, named: "vault")
        try await world.withAgent { agent in
            @Sendable func withSecret(_ body: (Secret) async throws -> Void) async throws {
                try await world.authority.withSecret(
                    for: permit(on: agent), from: "vault", resource: "r", timeToLive: 60, body)
            }
            try await withSecret { _ in #expect(provider.out.change { $0.count } == 1) }
            #expect(provider.out.change { $0 } == [])
            await #expect(throws: Refused.self) { try await withSecret { _ in throw Refused() } }
            #expect(provider.out.change { $0 } == [])
            let (bodies, began) = AsyncStream<Void>.makeStream()
            let task = Task {
                try await withSecret { _ in
                    began.yield()
                    try await Task.sleep(for: .seconds(3600))
                }
            }
            _ = await bodies.first { true }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(provider.out.change { $0 } == [])
            let held = try await world.authority.brokerLeases()
            #expect(held.isEmpty)
        }
    }

    @Test func threadsAreBoundedAndEndWhenIdle() async throws {
        let (threads, gate) = (WaitingThreads(most: 3, idleMilliseconds: 1), Gate())
        await withTaskGroup { group in
            for i in 0..<20 {
                group.addTask(executorPreference: threads) { gate.pass(i) }
            }
            await gate.hasArrived(3)
            #expect(threads.count == 3)
            gate.open()
            #expect(await group.reduce(0, +) == 190)
        }
        while threads.count > 0 { await Task.yield() }
    }
}

/// Makes secrets when its gate is open.
private struct WaitingProvider: SecretProvider {
    let gate: Gate
    let releaseCommand: [String] = []

    func acquire(_ request: SecretRequest) throws -> Secret { try gate.pass(Secret([1, 2, 3].span)) }

    func release(_ release: SecretRelease) {}
}

/// Asks its authority, async, before it answers.
private struct CallingProvider: AsyncSecretProvider {
    // An authority holds its providers.
    unowned let authority: Authority
    let releaseCommand: [String] = []

    func acquire(_ request: SecretRequest) async throws -> Secret {
        _ = try await authority.agents()
        return try Secret([1, 2, 3].span)
    }

    func release(_ release: SecretRelease) async throws { _ = try await authority.agents() }
}

/// Knows which secrets are out, and takes none back in a task that was cancelled.
private struct CountingProvider: AsyncSecretProvider {
    let out = Monitor<Set<String>>([])
    let releaseCommand: [String] = []

    func acquire(_ request: SecretRequest) async throws -> Secret {
        out.change { _ = $0.insert(request.lease) }
        return try Secret([1, 2, 3].span)
    }

    func release(_ release: SecretRelease) async throws {
        try Task.checkCancellation()
        out.change { _ = $0.remove(release.lease) }
    }
}
