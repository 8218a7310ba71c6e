import Glibc
import JOSE
import StrictJSON
import Synchronization
import Testing

@testable import AgentID

/// What a caller wrote may hang: it keeps nobody else, and no end, waiting.
@Suite struct HangingTests {
    /// A signer that hangs while it is told to.
    private final class Slow: Signer {
        let key: SigningKey
        let hangs = Monitor(false)
        var publicKey: PublicKey { key.publicKey }
        init(_ key: SigningKey) { self.key = key }
        func sign(_ message: [UInt8]) throws -> [UInt8] {
            _ = hangs.wait { $0 ? nil : true }
            return key.sign(message.span)
        }
        func hang(_ does: Bool) { hangs.change { $0 = does } }
    }

    private func name(_ body: () throws -> Void) -> String {
        do { try body() } catch { return (error as? AgentIDError)?.name ?? "\(error)" }
        return "done"
    }

    @Test func noSignerIsWaitedForWithTheLogsLock() throws {
        let fixture = try AuditFixture()
        let slow = Slow(fixture.signer)
        let away = AuditSequencer(
            directory: fixture.directory, key: try fixture.key, signer: slow, clock: SystemClock(),
            files: SystemAuditFiles())
        let log = try fixture.open(signing: false)
        for i in 0..<20 { try log.append(bytes("\(i)")) }
        slow.hang(true)
        #expect(name { _ = try away.integrate(waiting: 0, signature: 50) } == "signer_timeout")
        #expect(name { _ = try away.integrate(waiting: 0, signature: 50) } == "signer_timeout")
        let other = try fixture.sequencer().integrate(waiting: 0)
        #expect(!other.isBusy && other.size == 20)
        for i in 20..<30 { try log.append(bytes("\(i)")) }
        slow.hang(false)
        let outcome = try away.integrate(waiting: 10_000)
        #expect(!outcome.isBusy && outcome.size == 30 && outcome.gaps.isEmpty)
        #expect(try fixture.entries() == (0..<30).map { "\($0)" })
        log.close()
    }

    /// A signer that integrates the log that it signs.
    private final class Turning: Signer {
        let key: SigningKey
        let away = Monitor<AuditSequencer?>(nil)
        let error = Monitor("")
        var publicKey: PublicKey { key.publicKey }
        init(_ key: SigningKey) { self.key = key }
        func sign(_ message: [UInt8]) throws -> [UInt8] {
            let away = away.change { $0 }
            do { _ = try away?.integrate(waiting: 10_000) } catch {
                self.error.change { $0 = error.name }
            }
            return key.sign(message.span)
        }
    }

    @Test func aSignerThatIntegratesIsToldAtOnce() throws {
        let fixture = try AuditFixture()
        let turning = Turning(fixture.signer)
        let away = AuditSequencer(
            directory: fixture.directory, key: try fixture.key, signer: turning, clock: SystemClock(),
            files: SystemAuditFiles())
        let log = try fixture.open(signing: false)
        try log.append(bytes("first"))
        turning.away.change { $0 = away }
        let began = MonotonicClock.milliseconds
        #expect(try !away.integrate(waiting: 10_000).isBusy)
        #expect(turning.error.change { $0 } == "reentrant" && MonotonicClock.milliseconds - began < 10_000)
        #expect(try fixture.entries() == ["first"])
        turning.away.change { $0 = nil }
        log.close()
    }

    /// A signer whose every signature is an entry of the log, as one behind a guard is; it takes its time.
    private final class Logged: Signer {
        let key: SigningKey
        let log: AuditLog
        let count = Atomic<Int>(0)
        var publicKey: PublicKey { key.publicKey }
        init(_ key: SigningKey, in log: AuditLog) { (self.key, self.log) = (key, log) }
        func sign(_ message: [UInt8]) throws -> [UInt8] {
            count.add(1, ordering: .relaxed)
            try log.append(bytes("signed"))
            usleep(60_000)
            return key.sign(message.span)
        }
    }

    @Test func whatIsWrittenWhileASignerIsAskedKeepsNoIntegrationFromItsEnd() throws {
        let fixture = try AuditFixture()
        let log = try fixture.open(signing: false)
        let logged = Logged(fixture.signer, in: log)
        let away = AuditSequencer(
            directory: fixture.directory, key: try fixture.key, signer: logged, clock: SystemClock(),
            files: SystemAuditFiles())
        try log.append(bytes("first"))
        // A checkpoint of nothing is signed first: together they take longer.
        #expect(name { _ = try away.integrate(waiting: 0, signature: 10_000, total: 100) } == "signer_timeout")
        for _ in 1...3 {
            let before = logged.count.load(ordering: .relaxed)
            #expect(try !away.integrate(waiting: 10_000).isBusy)
            #expect(logged.count.load(ordering: .relaxed) <= before + 2)
        }
        #expect(try fixture.entries().first == "first")
        log.close()
    }

    @Test func anEndDoesNotWaitForASignerAndItsTombstoneIsMadeGood() throws {
        let slow = Slow(try SigningKey.generate())
        let world = try World { $0.signer = slow }
        let agent = try world.start()
        let id = try agent.id()
        slow.hang(true)
        #expect(try world.authority.deprovision(agent: id) == nil)
        #expect(try world.authority.agents().first?.state == "deprovisioned")
        slow.hang(false)
        while try world.authority.agents().first?.tombstone == nil { _ = try world.authority.reap() }
    }

    @Test func noRenewalWaitsForASignerForEver() throws {
        let slow = Slow(try SigningKey.generate())
        let world = try World { ($0.signer, $0.leaseDuration) = (slow, 3600) }
        // Only as told.
        let lifecycle = world.authority.lifecycle
        lifecycle.leases.stop()
        let agents = try (0..<3).map { _ in try world.start() }
        let (id, chain) = try (agents[0].id(), agents[0].chain())
        world.pass(seconds: 2000)
        slow.hang(true)
        _ = lifecycle.renewGrants()
        #expect(lifecycle.leases.failure(of: id)?.contains(DeadlineSigner.timeout.message) == true)
        slow.hang(false)
        while try agents[0].chain() == chain { _ = lifecycle.renewGrants() }
        // Nor for more than one signature where it is told to end.
        try lifecycle.renewLeases()
        let before = try agents.map { try $0.chain() }
        world.pass(seconds: 2000)
        let asked = Atomic<Int>(0)
        _ = lifecycle.renewGrants { asked.add(1, ordering: .relaxed).newValue <= 2 }
        #expect(try zip(agents, before).filter { try $0.chain() != $1 }.count == 1)
        withExtendedLifetime(agents) {}
    }

    @Test func whatComesDuringALookIsLookedAtAfterIt() {
        #expect(LeaseKeeper.isTooLate(900, for: 2000, now: 1000) && LeaseKeeper.isTooLate(1000, for: 2000, now: 1000))
        #expect(LeaseKeeper.isTooLate(3001, for: 2000, now: 1000) && !LeaseKeeper.isTooLate(3000, for: 2000, now: 1000))
    }

    /// A provider whose secrets' return hangs while it is told to.
    private final class Vault: SecretProvider {
        let hangs = Monitor(false)
        let returned = Monitor(0)
        var releaseCommand: [String] { [] }
        func acquire(_ request: SecretRequest) throws -> Secret { try Secret([1, 2, 3].span) }
        func release(_ release: SecretRelease) throws {
            _ = hangs.wait { $0 ? nil : true }
            returned.change { $0 += 1 }
        }
    }

    @Test func aProviderThatHangsDelaysNoOtherAndNoEnd() throws {
        let world = try World()
        let agent = try world.start()
        let vaults = [Vault(), Vault()]
        for (i, vault) in vaults.enumerated() {
            try world.authority.add(vault, named: "vault \(i)")
            for _ in 0..<3 {
                let permit = try agent.authorize(
                    tool: "read_file", arguments: Array(#"{"path":"/data/q3/a.csv"}"#.utf8))
                _ = try world.authority.acquire(for: permit, from: "vault \(i)", resource: "db", timeToLive: 1)
            }
        }
        vaults[0].hangs.change { $0 = true }
        world.hand.milliseconds.add(2000, ordering: .relaxed)
        // Whether by this or by the authority's own thread: all of the one that does not hang.
        _ = try world.authority.reap()
        #expect(vaults[1].returned.wait(milliseconds: 10_000) { $0 == 3 ? true : nil } == true)
        #expect(vaults[0].returned.change { $0 } == 0)
        _ = try world.authority.reap()
        #expect(try world.authority.deprovision(agent: agent.id()) != nil)
        vaults[0].hangs.change { $0 = false }
        #expect(vaults[0].returned.wait(milliseconds: 10_000) { $0 >= 3 ? true : nil } == true)
    }

    /// A provider that takes its time to return a secret.
    private final class Careful: SecretProvider {
        let held = Locked<Set<ExactText>>([])
        var releaseCommand: [String] { [] }
        func acquire(_ request: SecretRequest) throws -> Secret {
            held.withLock { _ = $0.insert(request.lease.exact) }
            return try Secret([1].span)
        }
        func release(_ release: SecretRelease) {
            usleep(2000)
            held.withLock { _ = $0.remove(release.lease.exact) }
        }
    }

    @Test func aReturnThatIsAnsweredIsDoneWhoeverElseReturns() throws {
        let world = try World()
        let agent = try world.start()
        let careful = Careful()
        try world.authority.add(careful, named: "careful")
        let others = try (0..<2).map { _ in
            try BackgroundThread.start(name: "reaps") { thread in
                while !thread.isStopping { _ = try? world.authority.reap() }
            }
        }
        for _ in 0..<200 {
            let permit = try agent.authorize(
                tool: "read_file", arguments: Array(#"{"path":"/data/q3/a.csv"}"#.utf8))
            let lease = try world.authority.acquire(for: permit, from: "careful", resource: "db", timeToLive: 60).lease
            try world.authority.release(lease: lease)
            #expect(careful.held.withLock { !$0.contains(lease.exact) })
        }
        for thread in others { thread.stop() }
    }

    @Test func anEndDoesNotWaitForAClock() throws {
        let hangs = Monitor(false)
        let world = try World { options in
            options.clock = CallbackClock {
                _ = hangs.wait { $0 ? nil : true }
                return 1_790_000_000_000
            }
        }
        let agent = try world.start()
        let id = try agent.id()
        hangs.change { $0 = true }
        #expect(try world.authority.deprovision(agent: id) != nil)
        try world.authority.revoke(Revocation(.principal, "user:alice@acme.example"))
        #expect(try world.authority.agents().first?.state == "deprovisioned")
        hangs.change { $0 = false }
    }
}
