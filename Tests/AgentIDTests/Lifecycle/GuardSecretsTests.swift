import Glibc
import JOSE
import StrictJSON
import Synchronization
import Testing

@testable import AgentID

/// Secrets from a guard that has none of the authority's keys.
@Suite struct GuardSecretsTests {
    private final class Vault: SecretProvider {
        let held = Locked<Set<ExactText>>([])
        let resources: [ToolResource]
        /// What happens while a secret is made.
        let onAcquire = Locked<@Sendable (SecretRequest) throws -> Void>({ _ in })
        var releaseCommand: [String] { [] }

        init(_ resources: [ToolResource] = []) { self.resources = resources }

        func acquire(_ request: SecretRequest) throws -> Secret {
            try onAcquire.withLock { $0 }(request)
            held.withLock { _ = $0.insert(request.lease.exact) }
            return try Secret(Array("s3cret".utf8).span)
        }

        func release(_ release: SecretRelease) { held.withLock { _ = $0.remove(release.lease.exact) } }
        var count: Int { held.withLock { $0.count } }
    }

    private let directory: TemporaryDirectory
    private let world: World
    private let agent: Agent
    private let guardian: Guard
    private let vault = Vault()
    private let path = "/data/q3/a.csv"

    init() throws {
        directory = try TemporaryDirectory()
        world = try World(at: directory.path)
        agent = try world.start()
        guardian = try Guard.open(directory: directory.path, .forTests(world))
        try guardian.add(vault, named: "vault")
    }

    private func arguments(_ path: String) -> [UInt8] { JSONTree.object(["path": .string(path)]).canonical() }

    private func permit(by guardian: Guard? = nil, _ agent: Agent? = nil, path: String? = nil) throws -> Permit {
        let (guardian, agent) = (guardian ?? self.guardian, agent ?? self.agent)
        let call = arguments(path ?? self.path)
        return try guardian.authorize(
            chain: agent.chain(), proof: agent.prove(tool: "read_file", arguments: call), tool: "read_file",
            arguments: call)
    }

    private func reason(
        _ permit: Permit, _ resource: String? = nil, by guardian: Guard? = nil, from name: String = "vault"
    ) -> String {
        do {
            let made = try (guardian ?? self.guardian).acquire(
                for: permit, from: name, resource: resource ?? path, timeToLive: 30)
            try (guardian ?? self.guardian).release(lease: made.lease)
            return "given"
        } catch { return (error as? Denial)?.reason.rawValue ?? (error as? AgentIDError)?.name ?? "\(error)" }
    }

    @Test func aSecretIsForTheCallThatThisGuardPermittedAndOnce() throws {
        let permit = try permit()
        let (lease, secret) = try guardian.acquire(for: permit, from: "vault", resource: path, timeToLive: 30)
        #expect(secret.withSpan { $0.count } == 6 && vault.count == 1)
        let listed = try world.authority.brokerLeases().map { $0.text }
        let id = try agent.id()
        #expect(listed.count == 1 && listed[0].contains(lease) && listed[0].contains(id))
        #expect(reason(permit) == "secret_used")
        try guardian.release(lease: lease)
        #expect(vault.count == 0)
        #expect(reason(permit) == "secret_used", "returned is not unused")
        #expect(reason(try self.permit()) == "given")
    }

    @Test func anotherResourceIsRefused() throws {
        for resource in ["/data/q3/b.csv", "/data/q3/a.csv ", "/DATA/q3/a.csv", "\(path)\u{0}", "vault"] {
            #expect(reason(try permit(), resource) == "secret_resource_mismatch")
        }
        // Equal for Swift, and not the same bytes.
        #expect(reason(try permit(path: "/data/q3/K"), "/data/q3/\u{212A}") == "secret_resource_mismatch")
        #expect(vault.count == 0)
    }

    @Test func aPermitOfAnotherGuardOrOfBeforeIsRefused() throws {
        let other = try Guard.open(directory: directory.path, .forTests(world))
        #expect(reason(try permit(by: other)) == "secret_permit_foreign", "it had no provider")
        try other.add(Vault(), named: "vault")
        #expect(reason(try permit(by: other)) == "secret_permit_foreign")
        #expect(reason(try agent.authorize(tool: "read_file", arguments: arguments(path))) == "secret_permit_foreign")
        let bare = try Guard.open(directory: directory.path, .forTests(world))
        #expect(reason(try permit(by: bare), by: bare) == "provider")
    }

    @Test func whoIsSuspendedInTheJournalAloneIsNotEvenAskedFor() throws {
        let asked = Locked(0)
        vault.onAcquire.withLock { $0 = { _ in asked.withLock { $0 += 1 } } }
        try world.authority.add(vault, named: "vault")
        let permit = try agent.authorize(tool: "read_file", arguments: arguments(path))
        let place = try AuthorityDirectory(reading: directory.path)
        try place.enforce([JournalEntry(.suspend(agent: agent.id()), reason: "", time: world.clock.milliseconds)])
        let denial = #expect(throws: Denial.self) {
            try world.authority.acquire(for: permit, from: "vault", resource: path, timeToLive: 30)
        }
        #expect(denial?.reason.rawValue == "suspended" && asked.withLock { $0 } == 0)
        #expect(vault.count == 0)
    }

    @Test func aTemplateSaysWhatEachToolOpens() throws {
        let named = Vault([ToolResource(tool: "read_file", resource: "share{path}!")])
        try guardian.add(named, named: "named")
        #expect(reason(try permit(), "share/data/q3/a.csv!", from: "named") == "given")
        for resource in [path, "share/data/q3/b.csv!", "share{path}!", "share!"] {
            #expect(reason(try permit(), resource, from: "named") == "secret_resource_mismatch")
        }
        try guardian.add(Vault([ToolResource(tool: "other", resource: "x")]), named: "named")
        #expect(reason(try permit(), "x", from: "named") == "secret_resource_mismatch")
        for resource in ["", "{", "}", "{}", "{{a}}", "a{b", String(repeating: "x", count: 2049)] {
            #expect(throws: AgentIDError.self) {
                try guardian.add(Vault([ToolResource(tool: "t", resource: resource)]), named: "wrong")
            }
        }
    }

    /// An authority's own provider asks for the same, where it says what tools open.
    @Test func anAuthoritysProviderBindsWhereItSaysSo() throws {
        let bound = Vault([ToolResource(tool: "read_file", resource: "{path}")])
        let early = try agent.authorize(tool: "read_file", arguments: arguments(path))
        try world.authority.add(bound, named: "bound")
        func get(_ permit: Permit, _ resource: String) -> String {
            do {
                _ = try world.authority.acquire(for: permit, from: "bound", resource: resource, timeToLive: 9)
                return "given"
            } catch { return (error as? Denial)?.reason.rawValue ?? "\(error)" }
        }
        let permit = try agent.authorize(tool: "read_file", arguments: arguments(path))
        #expect(get(early, path) == "secret_permit_foreign")
        #expect(get(permit, "/data/q3/b.csv") == "secret_resource_mismatch")
        #expect(get(permit, path) == "given" && get(permit, path) == "secret_used")
    }

    @Test func anAgentThatEndedOrIsHeldUpGetsNothingAndItsSecretsAreReturned() throws {
        let (kept, next) = (try permit(), try permit())
        _ = try guardian.acquire(for: kept, from: "vault", resource: path, timeToLive: 200)
        try world.authority.suspend(agent: agent.id())
        #expect(reason(next) == "suspended")
        try world.authority.resume(agent: agent.id())
        _ = try world.authority.deprovision(agent: agent.id())
        #expect(reason(next) == "authority_revoked")
        // The authority has no such provider, however often it tries: the guard's process returns it.
        for _ in 0..<20 { _ = try world.authority.reap() }
        try until { try vault.count == 0 && world.authority.brokerLeases().isEmpty }
    }

    @Test func whoCannotReturnASecretKeepsNobodyFromIt() throws {
        let lost = Vault()
        do {
            let gone = try Guard.open(directory: directory.path, .forTests(world))
            try gone.add(lost, named: "lost")
            _ = try gone.acquire(for: permit(by: gone), from: "lost", resource: path, timeToLive: 200)
        }
        _ = try world.authority.deprovision(agent: agent.id())
        // Those without the provider say why it is not returned, and whoever has it need not wait for them.
        for _ in 0..<8 { _ = try world.authority.reap() }
        #expect(try attempts() == 2)
        try guardian.add(lost, named: "lost")
        try until { try lost.count == 0 && world.authority.brokerLeases().isEmpty }
    }

    /// A provider that returns a secret only when it is let.
    private final class Slow: SecretProvider {
        let begun = Atomic(0)
        let isLet = Atomic(false)
        var releaseCommand: [String] { [] }
        func acquire(_ request: SecretRequest) throws -> Secret { try Secret(Array("s".utf8).span) }
        func release(_ release: SecretRelease) {
            begun.add(1, ordering: .relaxed)
            while !isLet.load(ordering: .relaxed) { usleep(1000) }
        }
    }

    @Test func aGuardThatIsGoneCallsItsProviderNoMore() throws {
        let slow = Slow()
        do {
            let gone = try Guard.open(directory: directory.path, .forTests(world))
            try gone.add(slow, named: "slow")
            for _ in 0..<3 {
                _ = try gone.acquire(for: permit(by: gone), from: "slow", resource: path, timeToLive: 1)
            }
            world.pass(milliseconds: 1001)
            try until { slow.begun.load(ordering: .relaxed) == 1 }
        }
        slow.isLet.store(true, ordering: .relaxed)
        usleep(500_000)
        #expect(slow.begun.load(ordering: .relaxed) == 1)
        try guardian.add(slow, named: "slow")
        world.pass(milliseconds: 1001)
        try until { try world.authority.brokerLeases().isEmpty }
    }

    @Test func aRevocationWhileASecretIsMadeIsNotTooLate() throws {
        let authority = world.authority
        let id = try agent.id()
        // In the journal before it is in the registry.
        vault.onAcquire.withLock { $0 = { _ in try authority.revoke(Revocation(.agent, id)) } }
        #expect(reason(try permit()) == "authority_revoked")
        try until { vault.count == 0 }
        let (other, told) = (try world.start(), guardian)
        let otherID = try other.id()
        // Else the guard keeps the vault, which keeps the guard.
        defer { vault.onAcquire.withLock { $0 = { _ in } } }
        vault.onAcquire.withLock { $0 = { _ in told.revoke(try Revocation(.agent, otherID)) } }
        #expect(reason(try permit(other)) == "authority_revoked", "of this guard alone")
        try until { vault.count == 0 }
    }

    @Test func aStalePermitIsRefused() throws {
        let permit = try permit()
        world.pass(seconds: 61)
        #expect(reason(permit) == "pop_stale")
    }

    @Test func aFailingProviderLeavesThePermitUnused() throws {
        let permit = try permit()
        vault.onAcquire.withLock { $0 = { _ in throw AgentIDError(.state, name: "sealed", message: "sealed") } }
        #expect(reason(permit) == "provider_failed")
        vault.onAcquire.withLock { $0 = { _ in } }
        #expect(reason(permit) == "given")
    }

    @Test func threadsShareOneSecretOfAPermit() throws {
        for _ in 0..<20 {
            let permit = try permit()
            let given = Locked(0)
            let threads = try (0..<4).map { _ in
                try BackgroundThread.start(name: "test") { _ in
                    let made = try? guardian.acquire(for: permit, from: "vault", resource: path, timeToLive: 30)
                    given.withLock { $0 += made == nil ? 0 : 1 }
                }
            }
            for thread in threads { thread.stop() }
            #expect(given.withLock { $0 } == 1)
        }
    }

    @Test func aGuardThatFollowsNobodyGivesNoSecret() throws {
        let lone = try world.guarding()
        do {
            try lone.add(vault, named: "vault")
            Issue.record("it was added")
        } catch { #expect(error.name == "no_registry") }
    }

    @Test func aGuardOfTheAuthorityGivesSecretsToo() throws {
        for world in [world, try World()] {
            let own = try world.authority.guarding(.forTests(world))
            let vault = Vault()
            try own.add(vault, named: "vault")
            let agent = try world.start()
            #expect(reason(try permit(by: own, agent), by: own) == "given")
            #expect(reason(try permit(by: own, agent), "/data/q3/b.csv", by: own) == "secret_resource_mismatch")
        }
    }

    @Test func aRefusalIsAnEventInTheLogAndForHooks() throws {
        let told = Locked<[String]>([])
        try world.authority.add(
            Hook("told", on: [.secretRefused], action: .callback { event in told.withLock { $0.append(event) } }))
        #expect(reason(try permit(), "/data/q3/b.csv") == "secret_resource_mismatch")
        let own = try agent.authorize(tool: "read_file", arguments: arguments(path))
        try world.authority.add(Vault([ToolResource(tool: "x", resource: "y")]), named: "bound")
        #expect(throws: Denial.self) {
            _ = try world.authority.acquire(for: own, from: "bound", resource: "y", timeToLive: 9)
        }
        try until {
            _ = try world.authority.settle(milliseconds: 1000)
            return told.withLock { $0.count } >= 2
        }
        try world.authority.integrate()
        let reader = try AuditReader(authority: directory.path)
        let entries = try reader.entries(from: 0).map { try JSON(parsing: $0).root }
            .filter { $0["event"]?.equals("secret_refused") == true }
        #expect(entries.count == 2)
        let id = try agent.id()
        for entry in entries {
            #expect(entry["agent"]?.equals(id) == true && entry["tool"]?.equals("read_file") == true)
            #expect(entry["kind"]?.equals("event") == true && entry["principal"] != nil && entry["decision"] != nil)
            #expect(entry["provider"] != nil && entry["chain"]?.kind == .array)
            #expect(!String(decoding: entry.canonical(), as: UTF8.self).contains("b.csv"), "a resource may be a value")
        }
        #expect(Set(entries.compactMap { $0["provider"]?.string }) == ["vault", "bound"])
        #expect(told.withLock { $0.allSatisfy { $0.contains("secret_") } })
    }

    private func attempts() throws -> Int {
        let lease = try #require(try world.authority.brokerLeases().first)
        return try JSON(parsing: lease.canonical()).root["attempts"]?.int ?? 0
    }

    private func until(_ condition: () throws -> Bool) throws {
        for _ in 0..<3000 {
            if try condition() { return }
            usleep(10_000)
        }
        Issue.record("it did not happen")
    }
}
