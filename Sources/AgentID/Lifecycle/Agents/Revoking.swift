internal import StrictJSON

/// Revokes: what is named is denied here at once, and everywhere when the call returns.
extension Lifecycle {
    /// Revokes: here at once, even where nothing can be written; for all others when this returns.
    ///
    /// - Returns: whether the registry has all that is named; `nil` where it could not be asked.
    @discardableResult
    func revoke(_ revocations: [Revocation], reason: String? = nil) throws(AgentIDError) -> Bool? {
        try AuditBounds.check(reason: reason)
        view.revocations.add(revocations)
        try enforce(revocations.map { .revoke($0) }, reason: reason ?? "")
        // Afterwards: nothing waits for the registry. What cannot be looked up now is found when it is folded in.
        let renewals =
            (try? registry.read { registry in try revocations.flatMap { try registry.renewals(of: $0) } }) ?? []
        if !renewals.isEmpty {
            view.revocations.add(renewals)
            try enforce(renewals.map { .revoke($0) }, reason: reason ?? "")
        }
        let isKnown = try? registry.read { registry in try revocations.allSatisfy { try registry.knows($0) } }
        foldSoon()
        try checkWholeAfterwards()
        return isKnown
    }

    /// Revokes in a transaction, with the events of it and the return of secrets; `now` in milliseconds.
    func addRevocations(
        _ revocations: [Revocation], at now: Int64, reason: String?, in registry: any RegistryWriter
    ) throws(AgentIDError) {
        let added = try registry.add(revocations, at: now / 1000, reason: reason)
        for revocation in added {
            try recorder.record(try LifecycleEvent(of: revocation, at: now, reason: reason, in: registry), in: registry)
        }
        try registry.returnSecrets(of: added, at: now)
    }
}

extension RegistryReader {
    /// The other grants of an agent of which one is to be revoked: they renew it, or are renewed by it.
    ///
    /// None where that one is revoked already, as one whose key was replaced is.
    func renewals(of revocation: Revocation) throws(AgentIDError) -> [Revocation] {
        guard revocation.kind == .grant, try firstRevoked(of: [revocation]) == nil,
            let grant = try grant(revocation.value)
        else { return [] }
        return try grants(of: grant.agent).map(\.id).filter { !$0.isSame(as: grant.id) }.map {
            Revocation(unchecked: .grant, $0)
        }
    }
}

extension LifecycleEvent {
    /// Of a revocation.
    init(
        of revocation: Revocation, at now: Int64, reason: String?, in registry: any RegistryReader
    ) throws(AgentIDError) {
        self.init(.revoked, at: now)
        switch revocation.kind {
        case .agent:
            if let agent = try registry.agent(revocation.value) { self.init(.revoked, of: agent, at: now) }
            agent = revocation.value
        case .grant: chain = [revocation.value]
        case .key, .issuer: key = revocation.value
        case .profile: profile = revocation.value
        case .principal: principal = revocation.value
        }
        (self.revoked, self.reason) = (revocation.kind, reason ?? revocation.kind.name)
    }
}
