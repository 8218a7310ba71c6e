internal import JOSE
internal import StrictJSON

/// The broker of one guard: it needs none of the authority's keys, and writes leases into its registry.
private final class SecretDesk: GuardBroker {
    let broker: Broker
    let denials: DenialNotifier

    init(of guardian: Guard) throws(AgentIDError) {
        guard let view = guardian.view else {
            throw AgentIDError(
                .state, name: "no_registry",
                message: "this guard follows no authority, where its secrets would be recorded: open it on the "
                    + "authority's directory", at: "guard")
        }
        var registry = view.registry
        if view.isReadOnly, let path = view.directory {
            let directory = try AuthorityDirectory(reading: path)
            // Leases are its owner's to write.
            try Files.checkDirectory(directory.path)
            registry = try directory.openRegistry(.write)
        }
        broker = Broker(
            registry: registry, view: view, clock: guardian.clock, steady: .machine, permitsOf: guardian.permitSource)
        denials = DenialNotifier(registry: registry) {}
    }

    deinit {
        broker.stop()
        denials.stop()
    }
}

// Secrets for what a guard has permitted, in a process that may not have the authority's keys.
extension Guard: SecretSource {
    /// Adds a provider of secrets to this guard, replacing one with the same name.
    ///
    /// From now on its permits keep their calls, and this process returns the provider's secrets that are due: those of
    /// other processes too. The process has to be the directory's owner, since leases are in the registry.
    ///
    /// - Throws: `no_registry` for a guard that follows no authority; `provider`.
    public func add(_ provider: any SecretProvider, named name: String) throws(AgentIDError) {
        // Opened under no lock; if another thread was faster, its desk stays.
        if permitSource.broker == nil { permitSource.keep(try SecretDesk(of: self)) }
        try secretDesk().broker.add(provider, named: name)
    }

    /// Gets a secret for a call that this guard has permitted: for the tool, not for the agent. It ends with the agent at
    /// the latest: any process that ends the agent, or reaps, returns it.
    ///
    /// - Parameters:
    ///   - permit: At most a minute old, made since the provider was added, under a chain that names its agent.
    ///   - provider: The name it was added with.
    ///   - resource: The resource to open: the one that the provider says of the call's tool, or where it says nothing, a
    ///     text that one of the call's arguments is. One secret of it for each permit.
    ///   - timeToLive: In seconds; at most as long as the agent's grant lasts.
    /// - Throws: A ``Denial``, which is an event (`secret_refused`): `secret_permit_foreign`, `secret_resource_mismatch`,
    ///   `secret_used`, `pop_stale`, and those of an agent that has ended or is suspended; ``AgentIDError``.
    public func acquire(
        for permit: Permit, from provider: String, resource: String, timeToLive: Int64
    ) throws -> (lease: String, secret: Secret) {
        let desk = try secretDesk()
        do {
            // What another guard keeps with its chain is not this one's.
            guard let chain = permit.decision.chain, permit.decision.call?.source === permitSource else {
                return try desk.broker.acquire(for: permit, from: provider, resource: resource, timeToLive: timeToLive)
            }
            try checkLive(chain, now: clock.now())
            let got = try desk.broker.acquire(for: permit, from: provider, resource: resource, timeToLive: timeToLive)
            do throws(Denial) { try checkLive(chain, now: clock.milliseconds) } catch {
                // Revoked here meanwhile. What is not returned now is returned later.
                try? desk.broker.release(got.lease)
                throw error
            }
            return got
        } catch let denial as Denial {
            SecretRefusal(denial, for: permit, provider, at: clock.milliseconds, under: view?.sequence ?? 0)?
                .tell(trail, desk.denials, nil)
            throw denial
        }
    }

    /// Returns a secret before its time; harmless if it was returned already.
    public func release(lease: String) throws(AgentIDError) { try secretDesk().broker.release(lease) }

    private func secretDesk() throws(AgentIDError) -> SecretDesk {
        guard let desk = permitSource.broker as? SecretDesk else {
            throw AgentIDError(
                .notFound, name: "provider", message: "this guard has no provider: add one first", at: "provider")
        }
        return desk
    }
}
