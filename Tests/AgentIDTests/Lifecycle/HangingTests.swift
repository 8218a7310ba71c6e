import JOSE
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
