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
    let registry: any Registry
    private let view: RegistryView
    let clock: CheckedClock
    let steady: SteadyClock
    /// The guard whose permits alone this answers to; `nil` for an authority's.
    ///
    /// By its identity: it owns this, which would keep both alive.
    let source: ObjectIdentifier?
    let added = Locked<[ExactText: Added]>([:])
    let returning = Locked(Returning())
    /// Runs a release command with a lease on its stdin; throws if it fails.
    let run: @Sendable (_ command: [String], _ lease: String) throws -> Void

    struct Added {
        let provider: any SecretProvider
        let resources: ResourceBinding
    }

    struct Returning {
        var thread: BackgroundThread?
        var isStopped = false
    }

    /// The providers, with their commands, whose secrets threads of this process are returning.
    let under = Locked<Set<[ExactText]>>([])
    /// The threads that return what an agent that ended held.
    let ending = Locked(0)
    /// The leases that threads of this process are returning.
    let inHand = Monitor<Set<ExactText>>([])
    /// The outcomes that the registry failed to take down: it has those leases as being returned, for a while yet.
    let unrecorded = Locked<[Outcome]>([])
    /// The leases that were to be returned when the registry failed to take that down.
    let unclaimed = Locked<Set<ExactText>>([])

    /// - Parameters:
    ///   - registry: Open for writing.
    ///   - view: Of the same registry, with its journal.
    init(
        registry: any Registry, view: RegistryView, clock: CheckedClock, steady: SteadyClock,
        permitsOf source: PermitSource? = nil,
        run: @escaping @Sendable ([String], String) throws -> Void = runCommand
    ) {
        (self.registry, self.view, self.clock, self.steady) = (registry, view, clock, steady)
        (self.source, self.run) = (source.map { ObjectIdentifier($0) }, run)
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
        let before = added.withLock {
            $0.updateValue(Added(provider: provider, resources: resources), forKey: name.exact)
        }
        // Let go of without the lock: what its caller does then may call this.
        withExtendedLifetime(before) {}
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
        lease.runsUntil = steady.now.later(by: timeToLive * 1000)
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
        do {
            secret = try provider.acquire(request)
            // What a callback that failed left as it was.
            guard !secret.isEmpty else { throw AgentIDError(.state, name: "provider_failed", message: "it is empty") }
        } catch {
            _ = try? release(lease.id)
            throw AgentIDError(
                .state, name: "provider_failed", message: "the provider did not give a secret: \(error)",
                at: "provider")
        }
        let made = clock.milliseconds
        let isHeld: Bool
        do throws(AgentIDError) { isHeld = try hold(lease, at: made) } catch {
            try? giveUp(lease)
            throw error
        }
        var ended: Denial?
        if isHeld {
            do throws(Denial) { try checkView(of: chain, at: made) } catch { ended = error }
        } else {
            ended = Denial("authority_revoked", "the agent ended while its secret was made")
        }
        if let ended {
            try giveUp(lease)
            throw ended
        }
        return (lease.id, secret)
    }

    /// Takes down that a secret was made; `false` if its lease is over, or was returned meanwhile.
    private func hold(_ lease: BrokerLeaseRecord, at now: Int64) throws(AgentIDError) -> Bool {
        try registry.write { registry in
            guard var held = try registry.brokerLease(lease.id), held.state == .acquiring,
                !held.isOver(at: now, steady.now)
            else { return false }
            held.state = .held
            try registry.put(held)
            return true
        }
    }

    /// Returns a secret that was made and that nobody gets; also if the registry cannot take that down.
    private func giveUp(_ lease: BrokerLeaseRecord) throws(AgentIDError) {
        var lease = lease
        (lease.state, lease.nextAt) = (.releasing, 0)
        do throws(AgentIDError) {
            // It may have been made after it was returned: recorded again.
            try registry.write { [lease] registry in try registry.put(lease) }
        } catch {
            _ = try? attemptRelease(lease, isTaken: true)
            throw error
        }
        _ = try attemptRelease(lease)
    }

    /// The verified chain of a permit that is fresh enough to act on.
    private func chain(of decision: Decision, at now: Int64) throws(Denial) -> VerifiedChain {
        guard let chain = decision.chain, abs(now - decision.time) <= 60_000 else {
            throw Denial("pop_stale", "the permit is older than a minute: decide anew")
        }
        return chain
    }
}
