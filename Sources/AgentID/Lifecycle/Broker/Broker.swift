internal import JOSE
internal import Scopes
internal import StrictJSON
internal import Synchronization

/// Gets secrets for guarded tools and makes sure that each is taken back: by a call, in time, with its agent, after a
/// crash.
///
/// The order makes it certain: the lease is recorded before the provider is asked, and forgotten only after the
/// provider has confirmed that nothing is left of it.
final class Broker: Sendable {
    private let registry: any Registry
    private let view: RegistryView
    private let clock: CheckedClock
    /// The guard whose permits alone this answers to; `nil` for an authority's.
    ///
    /// By its identity: it owns this, which would keep both alive.
    private let source: ObjectIdentifier?
    private let added = Locked<[ExactText: Added]>([:])
    private let returning = Locked(Returning())
    /// Runs a release command with a lease on its stdin; throws if it fails.
    private let run: @Sendable (_ command: [String], _ lease: String) throws -> Void

    private struct Added {
        let provider: any SecretProvider
        let resources: ResourceBinding
    }

    private struct Returning {
        var thread: BackgroundThread?
        var isStopped = false
    }

    /// The time that a lease is left to a process that has begun to return it, in milliseconds; longer than any command
    /// runs.
    private static let claim: Int64 = 70_000
    /// The time in which a secret may still be in the making after its agent ended, in milliseconds: then it is
    /// released once more.
    private static let longestAcquisition: Int64 = 60_000

    /// The providers, with their commands, whose secrets threads of this process are returning.
    private let under = Locked<Set<[ExactText]>>([])

    /// - Parameters:
    ///   - registry: Open for writing.
    ///   - view: Of the same registry, with its journal.
    init(
        registry: any Registry, view: RegistryView, clock: CheckedClock, permitsOf source: PermitSource? = nil,
        run: @escaping @Sendable ([String], String) throws -> Void = runCommand
    ) {
        (self.registry, self.view, self.clock, self.source, self.run) = (
            registry, view, clock, source.map { ObjectIdentifier($0) }, run
        )
    }

    /// Runs a release command.
    private static let runCommand: @Sendable ([String], String) throws -> Void = { command, lease in
        let outcome = CommandRun(command, event: "release", document: Array(lease.utf8), milliseconds: 60_000).run()
        if outcome != .succeeded { throw outcome }
    }

    func add(_ provider: any SecretProvider, named name: String) throws(AgentIDError) {
        let command = provider.releaseCommand
        guard (1...128).contains(name.utf8.count) else {
            throw AgentIDError(.argument, name: "provider", message: "a provider's name has 1 to 128 bytes", at: "name")
        }
        if !command.isEmpty, let fault = Hook.fault(in: command) {
            throw AgentIDError(.argument, name: "provider", message: fault, at: "provider.release_command")
        }
        let resources = try ResourceBinding(provider.resources)
        added.withLock { $0[name.exact] = Added(provider: provider, resources: resources) }
        if source != nil || !resources.isEmpty { view.givesSecrets.store(true, ordering: .relaxed) }
        try keepReturning()
    }

    /// Returns due secrets without being asked, in a process that has a provider.
    private func keepReturning() throws(AgentIDError) {
        try returning.withLock { returning throws(AgentIDError) in
            guard returning.thread == nil, !returning.isStopped else { return }
            returning.thread = try BackgroundThread.start(name: "agentid-broker") { [weak self] thread in
                while thread.wait(milliseconds: 1000) {
                    // A registry that fails now is asked again in a second.
                    guard let self else { return }
                    _ = try? releaseDue()
                }
            }
        }
    }

    /// Stops returning secrets by itself. Does not wait for a provider under way.
    func stop() {
        let thread = returning.withLock { returning in
            returning.isStopped = true
            return returning.thread.take()
        }
        thread?.abandon()
    }

    /// Gets a secret for a permitted call.
    func acquire(
        for permit: Permit, from providerName: String, resource: String, timeToLive: Int64
    ) throws -> (lease: String, secret: Secret) {
        guard let added = added.withLock({ $0[providerName.exact] }) else {
            throw AgentIDError.unknown("provider", providerName, " in this process: add it first", at: "provider")
        }
        let now = try clock.now()
        let chain = try chain(of: permit.decision, at: now)
        try checkView(of: chain, at: now)
        let left = chain.expires - now / 1000
        guard left > 0 else { throw Denial("expired", "the grant has expired since the decision", at: "chain") }
        guard (1...left).contains(timeToLive) else {
            throw AgentIDError(
                .argument, name: "ttl", message: "a secret lasts 1 to \(left) s, as long as the grant at most",
                at: "ttl")
        }
        guard (1...ResourceBinding.longest).contains(resource.utf8.count) else {
            throw AgentIDError(
                .argument, name: "resource", message: "a resource has 1 to \(ResourceBinding.longest) bytes",
                at: "resource")
        }
        guard source != nil || !added.resources.isEmpty else {
            return try make(resource, from: added.provider, providerName, for: chain, timeToLive, at: now)
        }
        let call = try call(of: permit.decision, for: resource, at: added.resources)
        guard call.take(resource, from: providerName) else {
            throw Denial("secret_used", "this permit got its secret: decide anew", at: "decision")
        }
        do {
            return try make(resource, from: added.provider, providerName, for: chain, timeToLive, at: now)
        } catch {
            call.giveBack(resource, from: providerName)
            throw error
        }
    }

    /// The call of a permit, which names the resource.
    private func call(
        of decision: Decision, for resource: String, at resources: ResourceBinding
    ) throws(Denial) -> PermittedCall {
        guard let call = decision.call, source.map({ $0 == ObjectIdentifier(call.source) }) ?? true else {
            throw Denial(
                "secret_permit_foreign",
                "another guard made this permit, or this one did before it had a provider: decide anew, here",
                at: "decision")
        }
        guard resources.admits(resource, tool: decision.tool, call.arguments) else {
            throw Denial(
                "secret_resource_mismatch", "the call that was permitted does not name this resource", at: "resource")
        }
        return call
    }

    /// Refuses what was revoked, suspended or lapsed: by the registry, and by the journal next to it.
    private func checkView(of chain: VerifiedChain, at now: Int64) throws(Denial) {
        let standings: [LinkStanding]
        do throws(AgentIDError) {
            try view.refresh()
            standings = try view.standing(of: chain)
        } catch { throw view.denial(error, "the revocations") }
        if let revoked = view.revocations.first(in: chain, profiles: !chain.issuer.isForeign) {
            throw Denial("authority_revoked", "revoked: \(revoked.kind.name) \(revoked.value)", at: "chain")
        }
        if let denial = standings.lazy.compactMap({ $0.denial(at: now) }).first { throw denial }
    }

    /// Makes the secret and its lease.
    private func make(
        _ resource: String, from provider: any SecretProvider, _ providerName: String, for chain: VerifiedChain,
        _ timeToLive: Int64, at now: Int64
    ) throws -> (lease: String, secret: Secret) {
        var lease = BrokerLeaseRecord(
            id: UUIDv7.make(at: now), agent: "", provider: providerName, resource: resource,
            releaseCommand: provider.releaseCommand, acquired: now, expires: now + timeToLive * 1000, state: .acquiring)
        let booked = try registry.write { [lease] registry -> Result<String, Denial> in
            let holder = try registry.liveHolder(of: chain, at: now)
            if case .success(let agent) = holder {
                var lease = lease
                lease.agent = agent
                try registry.put(lease)
            }
            return holder
        }
        lease.agent = try booked.get()
        let root = chain.links.first?.grant.claim
        let request = SecretRequest(
            lease: lease.id, agent: chain.leaf.claim?.agent ?? lease.agent, resource: resource,
            timeToLive: timeToLive, domain: chain.issuer.name, principal: root?.principal, task: root?.task)
        let secret: Secret
        do { secret = try provider.acquire(request) } catch {
            _ = try? release(lease.id)
            throw AgentIDError(
                .state, name: "provider_failed", message: "the provider did not give a secret: \(error)",
                at: "provider")
        }
        let made = clock.milliseconds
        let isHeld = try registry.write { registry in
            guard var held = try registry.brokerLease(lease.id), held.state == .acquiring, held.expires > made
            else { return false }
            held.state = .held
            try registry.put(held)
            return true
        }
        var ended: Denial?
        if isHeld {
            do throws(Denial) { try checkView(of: chain, at: made) } catch { ended = error }
        } else {
            ended = Denial("authority_revoked", "the agent ended while its secret was made")
        }
        if let ended {
            // The secret may have been made after that release: recorded again.
            (lease.state, lease.nextAt) = (.releasing, 0)
            try registry.write { [lease] registry in try registry.put(lease) }
            _ = try attemptRelease(lease)
            throw ended
        }
        return (lease.id, secret)
    }

    /// Returns one secret; harmless if it was returned already.
    func release(_ id: String) throws(AgentIDError) {
        // Taken at once: what another process had begun would be answered as done.
        let until = clock.milliseconds + Self.claim
        let found = try registry.write { registry -> BrokerLeaseRecord? in
            guard var lease = try registry.brokerLease(id) else { return nil }
            (lease.state, lease.nextAt) = (.releasing, until)
            try registry.put(lease)
            return lease
        }
        if let lease = found, let failure = try attemptRelease(lease, isTaken: true) {
            throw AgentIDError(
                .state, name: "provider_failed",
                message: "the secret is not returned yet, it is tried again: \(failure)",
                at: "lease")
        }
    }

    /// Returns due secrets: of agents that ended, past their time, or after a failure. Returns their number.
    ///
    /// Those of each provider are returned by a thread of their own, and after five seconds this goes on without whoever
    /// hangs: a provider that is dead or slow delays no other, and no end of an agent.
    @discardableResult func releaseDue(limit: Int = 1000) throws(AgentIDError) -> Int {
        let now = clock.milliseconds
        // A guard returns those of its own providers: it would only keep others from whoever can.
        let own = source.map { _ in added.withLock { Set($0.keys) } }
        let due = try registry.read { registry in
            try registry.brokerLeases(dueBy: now, limit: own == nil ? limit : .max)
        }.filter { own?.contains($0.provider.exact) ?? true }
        let kinds = Dictionary(grouping: due) { ([$0.provider] + $0.releaseCommand).map(\.exact) }
        let work = Monitor(Round(open: 0, returned: 0, fault: nil))
        for (kind, leases) in kinds where begin(kind) {
            work.change { $0.open += 1 }
            let run: @Sendable () -> Void = { [self] in
                defer { under.withLock { _ = $0.remove(kind) } }
                for lease in leases {
                    do throws(AgentIDError) {
                        let isReturned = try attemptRelease(lease) == nil
                        work.change { $0.returned += isReturned ? 1 : 0 }
                    } catch { work.change { $0.fault = error } }
                }
                work.change { $0.open -= 1 }
            }
            do throws(AgentIDError) {
                try BackgroundThread.start(name: "agentid-return") { _ in run() }.abandon()
            } catch { run() }
        }
        let done = work.wait(milliseconds: Self.patience) { $0.open == 0 ? $0 : nil } ?? work.change { $0 }
        if let fault = done.fault { throw fault }
        return done.returned
    }

    private struct Round: Sendable {
        /// Threads under way.
        var open: Int
        var returned: Int
        var fault: AgentIDError?
    }

    /// The longest wait for providers that return secrets, in milliseconds; and the threads that they may hang at a time.
    private static let (patience, mostThreads) = (5000, 16)

    /// Whether this process may begin to return secrets of a kind: nobody is at it.
    private func begin(_ kind: [ExactText]) -> Bool {
        under.withLock { $0.count < Self.mostThreads && $0.insert(kind).inserted }
    }

    /// Returns the secrets of an agent that ended, and of all below it. After this many milliseconds it goes on without
    /// the caller; if no thread is available for that, the secrets wait for the next return of due ones.
    func release(below agent: String, within milliseconds: Int) throws(AgentIDError) {
        let now = clock.milliseconds
        let due = try registry.read { registry in
            try registry.subtree(of: agent).flatMap { try registry.brokerLeases(of: $0.id, limit: 1000) }.filter {
                $0.nextAt <= now && ($0.state == .releasing || $0.expires <= now)
            }
        }
        guard !due.isEmpty else { return }
        let isDone = Monitor(false)
        let started = try? BackgroundThread.start(name: "agentid-return") { [self] _ in
            for lease in due { _ = try? attemptRelease(lease) }
            isDone.change { $0 = true }
        }
        guard let thread = started else { return }
        _ = isDone.wait(milliseconds: milliseconds) { $0 ? true : nil }
        thread.abandon()
    }

    /// Leaves a lease to this process for a while; `false` if another has begun to return it, or it is gone.
    private func take(_ lease: BrokerLeaseRecord) throws(AgentIDError) -> Bool {
        let now = clock.milliseconds
        return try registry.write { registry in
            guard var found = try registry.brokerLease(lease.id), found.nextAt <= now else { return false }
            if found.state == .held { found.state = .releasing }
            found.nextAt = now + Self.claim
            try registry.put(found)
            return true
        }
    }

    /// The error; `nil` if the lease is gone, or another process is about to return it.
    private func attemptRelease(
        _ lease: BrokerLeaseRecord, isTaken: Bool = false
    ) throws(AgentIDError) -> String? {
        if !isTaken, try !take(lease) { return nil }
        var failure: String?
        var isElsewhere = false
        do {
            if returning.withLock({ $0.isStopped }) {
                // Its program may be about to unload the provider: whoever has it next returns the secret.
                failure = "this process has closed what returns secrets"
                isElsewhere = true
            } else if let provider = added.withLock({ $0[lease.provider.exact]?.provider }) {
                try provider.release(SecretRelease(lease))
            } else if !lease.releaseCommand.isEmpty {
                try run(lease.releaseCommand, SecretRelease(lease).document.text)
            } else {
                failure = "no provider named \(lease.provider) in this process, and no command that releases for it"
                isElsewhere = true
            }
        } catch { failure = "\(error)" }
        let said = failure.map { $0.prefix(bytes: 1000) }
        let now = clock.milliseconds
        try registry.write { registry in
            guard let said else {
                // The acquiring process may still create the secret and then crash, so it is checked again later.
                let until = lease.acquired + Self.longestAcquisition
                guard var found = try registry.brokerLease(lease.id), found.state == .acquiring, now < until
                else { return try registry.removeBrokerLease(lease.id) }
                found.nextAt = until
                return try registry.put(found)
            }
            guard var failed = try registry.brokerLease(lease.id) else { return }
            if failed.state == .held { failed.state = .releasing }
            failed.attempts += 1
            let delay = RetryDelay.milliseconds(afterAttempts: failed.attempts)
            // Whoever has the provider is not kept from it by those who do not.
            failed.nextAt = now + (isElsewhere ? min(delay, 1000) : delay)
            failed.error = said
            try registry.put(failed)
        }
        return said
    }

    /// The verified chain of a permit that is fresh enough to act on.
    private func chain(of decision: Decision, at now: Int64) throws(Denial) -> VerifiedChain {
        guard let chain = decision.chain, abs(now - decision.time) <= 60_000 else {
            throw Denial("pop_stale", "the permit is older than a minute: decide anew")
        }
        return chain
    }
}

extension SecretRelease {
    init(_ lease: BrokerLeaseRecord) {
        self.init(lease: lease.id, agent: lease.agent, resource: lease.resource)
    }
}
