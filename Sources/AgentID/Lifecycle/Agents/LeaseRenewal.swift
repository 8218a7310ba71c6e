internal import JOSE
internal import StrictJSON

/// Leases, renewed as long as agents are held here; and the credentials that last as long.
extension Lifecycle {
    /// Renews the leases of all live handles, some in each transaction: others that write come between.
    ///
    /// An agent that is parked, has ended or is revoked, or whose lease lapsed longer ago than its grace by both clocks, is
    /// never renewed again. One that lapsed by a wall clock that was set is: its date came from a clock that was wrong.
    func renewLeases() throws(AgentIDError) {
        try view.refresh()
        let now = try clock.now()
        let moment = steady.now.milliseconds
        let isSteady = leases.look(now - moment, at: moment).isSettled
        // What it asked must not outlast its time because nobody looks.
        try? removeLapsedApprovals(now: now, opening: false)
        var due: ArraySlice<ExactText> = []
        // Held until the leases are written.
        let agents = leases.agents()
        for (id, agent) in agents {
            guard let held = agent.snapshot, view.revocations.first(of: held.lineage.revocable) == nil else {
                leases.forget(id, heldAs: agent)
                continue
            }
            due.append(id.exact)
        }
        while !due.isEmpty {
            let batch = Array(due.prefix(1000))
            due.removeFirst(batch.count)
            let (now, steady) = (try clock.now(), steady.now)
            let (renewed, known) = try registry.write(within: Self.longestTurn) { registry in
                let renewed = try registry.renewLeases(
                    of: Set(batch).inByteOrder(), at: now, until: now + leaseDuration * 1000,
                    runsUntil: steady.later(by: leaseDuration * 1000),
                    orRunningAt: isSteady ? steady.milliseconds : .max
                ).exact
                let rest = batch.filter { !renewed.contains($0) }.map(\.string)
                let standing = try registry.standing(of: rest)
                return (renewed, standing.filter { $0.state != .deprovisioned }.map(\.agent).exact)
            }
            for id in batch where !renewed.contains(id) && !known.contains(id) { leases.forget(id.string) }
            leases.note(renewed: renewed, of: batch, within: leaseDuration + resumeWithin)
        }
        if isSteady { leases.redate(now - moment) }
    }

    /// Looks whether the clock was set, and whether it may date what lasts.
    func glance() -> (isWrong: Bool, isSettled: Bool) {
        guard let now = try? clock.now() else { return (false, false) }
        let moment = steady.now.milliseconds
        let seen = leases.look(now - moment, at: moment)
        let isBelieved = leases.anyone?.home?.guardian.watch.isSettled(at: now) ?? true
        return (seen.isWrong, seen.isSettled && isBelieved)
    }

    /// Renews everything that is due, as the threads do.
    func renew() throws(AgentIDError) {
        try renewLeases()
        _ = renewGrants()
    }

    /// A credential for a key, as short-lived as a lease and never longer than `expires`, in seconds.
    func credential(for key: PublicKey, id: String, until expires: Int64) throws(AgentIDError) -> HeldCredential {
        let now = try clock.now()
        let lifetime = min(leaseDuration, expires - now / 1000)
        guard lifetime > 0 else {
            throw AgentIDError(.state, name: "expired", message: "the agent's grant has expired")
        }
        return try withActiveKey { active throws(AgentIDError) in
            try credential(for: key, id: id, lifetime: lifetime, by: keys.signer(for: active), at: now)
        }
    }

    /// A credential, signed with a key of the authority; `now` in milliseconds.
    func credential(
        for key: PublicKey, id: String, lifetime: Int64, by signer: any Signer, at now: Int64
    ) throws(AgentIDError) -> HeldCredential {
        let token = try Credential.issue(
            to: key, agent: SPIFFEID(id), by: signer, at: now / 1000, milliseconds: now,
            lifetime: lifetime)
        return HeldCredential(
            token: token, key: key, signer: signer.publicKey, renewAt: now / 1000 + (lifetime + 1) / 2)
    }
}
