import Glibc
import StrictJSON
import Synchronization
import Testing

@testable import AgentID

/// What an end says of the secrets that it returned, where the registry has no room to take that down.
@Suite struct SecretReturnTests {
    /// A provider whose secrets are returned as the test says.
    private final class Vault: SecretProvider {
        let returned = Atomic<Int>(0)
        let onRelease: @Sendable () -> Void
        var releaseCommand: [String] { [] }
        init(_ onRelease: @escaping @Sendable () -> Void) { self.onRelease = onRelease }
        func acquire(_ request: SecretRequest) throws -> Secret { try Secret([1, 2, 3].span) }
        func release(_ release: SecretRelease) {
            returned.add(1, ordering: .relaxed)
            onRelease()
        }
    }

    /// A broker on a registry that can be full, and an agent that held a secret of it and ended.
    private struct Holding {
        let world: World
        let registry: BrittleRegistry
        let broker: Broker
        let vault: Vault
        let holder: Agent
        let agent: String
        let lease: String

        init(isOver: Bool = true, _ onRelease: @escaping @Sendable (BrittleRegistry) -> Void) throws {
            world = try World()
            let brittle = BrittleRegistry(world.authority.registry)
            registry = brittle
            broker = Broker(
                registry: brittle, view: try RegistryView(of: brittle, in: nil), clock: CheckedClock(world.clock),
                steady: world.steadyClock)
            vault = Vault { onRelease(brittle) }
            try broker.add(vault, named: "vault")
            holder = try world.start()
            agent = try holder.id()
            let permit = try holder.authorize(
                tool: "read_file", arguments: Array(#"{"path":"/data/q3/a.csv"}"#.utf8))
            lease = try broker.acquire(for: permit, from: "vault", resource: "db", timeToLive: 60).lease
            if isOver { #expect(try world.authority.lifecycle.end([agent], reason: "") == 1) }
        }

        var leases: Int { get throws { try registry.read { try $0.brokerLeases(of: nil, limit: 10) }.count } }

        /// The name of the error of a return; `nil` where there was none.
        func refusal() -> String? {
            do throws(AgentIDError) { try broker.release(below: agent, within: 10_000) } catch { return error.name }
            return nil
        }
    }

    @Test func aReturnThatIsNotTakenDownIsAnErrorAndMadeUpForOnce() throws {
        let holding = try Holding { $0.isFull.store(true, ordering: .relaxed) }
        defer { holding.broker.stop() }
        #expect(holding.refusal() == "disk_full")
        #expect(holding.refusal() == "disk_full")
        #expect(try holding.leases == 1)
        holding.registry.isFull.store(false, ordering: .relaxed)
        #expect(holding.refusal() == nil)
        #expect(try holding.leases == 0)
        #expect(holding.vault.returned.load(ordering: .relaxed) == 1)
    }

    @Test func aProviderThatHangsTakesNoThreadForEveryAgentThatEnds() throws {
        let hangs = Monitor(true)
        let holding = try Holding { _ in _ = hangs.wait { $0 ? nil : true } }
        defer { holding.broker.stop() }
        let broker = holding.broker
        for _ in 0..<Broker.mostEnding + 20 { try broker.release(below: holding.agent, within: 0) }
        #expect(broker.ending.withLock { $0 } == Broker.mostEnding)
        hangs.change { $0 = false }
        var tries = 0
        while broker.ending.withLock({ $0 }) > 0, tries < 500 {
            tries += 1
            usleep(20_000)
        }
        #expect(try broker.ending.withLock { $0 } == 0 && holding.leases == 0)
        #expect(holding.vault.returned.load(ordering: .relaxed) == 1)
    }

    @Test func aSecretThatCannotBeTakenForReturnIsAnError() throws {
        let holding = try Holding { _ in }
        holding.broker.stop()
        holding.registry.isFull.store(true, ordering: .relaxed)
        #expect(holding.refusal() == "disk_full")
        #expect(try holding.leases == 1)
    }

    @Test func aSecretWhoseReturnCouldNotBeTakenDownIsReturnedOnceThereIsRoom() throws {
        let holding = try Holding(isOver: false) { _ in }
        defer { holding.broker.stop() }
        holding.registry.isFull.store(true, ordering: .relaxed)
        for id in [holding.lease, "none"] {
            let error = #expect(throws: AgentIDError.self) { try holding.broker.release(id) }
            #expect(error?.name == "disk_full")
        }
        #expect(throws: AgentIDError.self) { try holding.broker.releaseDue() }
        #expect(try holding.leases == 1)
        holding.registry.isFull.store(false, ordering: .relaxed)
        for _ in 0..<3000 where try holding.leases > 0 {
            try holding.broker.releaseDue()
            usleep(10_000)
        }
        #expect(try holding.leases == 0 && holding.broker.unclaimed.withLock { $0.isEmpty })
        #expect(holding.vault.returned.load(ordering: .relaxed) == 1)
    }

    /// The registry fills up while the provider makes the secret; what it makes is nobody's.
    private final class Filling: SecretProvider {
        struct Failed: Error {}
        let returned = Atomic<Int>(0)
        let registry: BrittleRegistry
        let fails: Bool
        var releaseCommand: [String] { [] }
        init(_ registry: BrittleRegistry, fails: Bool) { (self.registry, self.fails) = (registry, fails) }
        func acquire(_ request: SecretRequest) throws -> Secret {
            registry.isFull.store(true, ordering: .relaxed)
            if fails { throw Failed() }
            return try Secret([1, 2, 3].span)
        }
        func release(_ release: SecretRelease) { returned.add(1, ordering: .relaxed) }
    }

    @Test(arguments: [false, true]) func aSecretThatNobodyGotIsReturnedThoughThereWasNoRoom(fails: Bool) throws {
        let world = try World()
        let registry = BrittleRegistry(world.authority.registry)
        let broker = Broker(
            registry: registry, view: try RegistryView(of: registry, in: nil), clock: CheckedClock(world.clock),
            steady: world.steadyClock)
        defer { broker.stop() }
        let provider = Filling(registry, fails: fails)
        try broker.add(provider, named: "vault")
        let permit = try world.start().authorize(
            tool: "read_file", arguments: Array(#"{"path":"/data/q3/a.csv"}"#.utf8))
        let error = #expect(throws: AgentIDError.self) {
            _ = try broker.acquire(for: permit, from: "vault", resource: "db", timeToLive: 60)
        }
        #expect(error?.name == (fails ? "provider_failed" : "disk_full"))
        registry.isFull.store(false, ordering: .relaxed)
        for _ in 0..<1000 where provider.returned.load(ordering: .relaxed) == 0 {
            try broker.releaseDue()
            usleep(5000)
        }
        #expect(provider.returned.load(ordering: .relaxed) > 0)
        // Once more, when whoever was making it surely is not any more.
        world.pass(seconds: 100)
        for _ in 0..<1000 where try !registry.read({ try $0.brokerLeases(of: nil, limit: 10) }).isEmpty {
            try broker.releaseDue()
            usleep(5000)
        }
        #expect(try registry.read { try $0.brokerLeases(of: nil, limit: 10) }.isEmpty)
    }

    @Test func anEndWaitsForTheThreadThatIsReturning() throws {
        let (began, mayGo) = (Monitor(false), Monitor(false))
        let holding = try Holding { _ in
            began.change { $0 = true }
            _ = mayGo.wait(milliseconds: 20_000) { $0 ? true : nil }
        }
        defer { holding.broker.stop() }
        // Its own thread, or this one.
        let other = try BackgroundThread.start(name: "returns") { _ in _ = try? holding.broker.releaseDue() }
        #expect(began.wait(milliseconds: 20_000) { $0 ? true : nil } == true)
        let opening = try BackgroundThread.start(name: "opens") { thread in
            _ = thread.wait(milliseconds: 300)
            mayGo.change { $0 = true }
        }
        #expect(holding.refusal() == nil)
        #expect(try holding.leases == 0)
        #expect(holding.vault.returned.load(ordering: .relaxed) == 1)
        opening.stop()
        other.stop()
    }
}
