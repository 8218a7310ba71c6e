internal import Synchronization

// The checks that no cache remembers: the view's age, revocation, expiry, leases. Times in milliseconds since 1970.
extension Guard {
    /// Reads news from the registry. Denies if the view is older than this guard accepts.
    func refreshView(now: Int64) throws(Denial) {
        let known = keysSequence.load(ordering: .acquiring)
        if following?.with({ $0.isUpToDate && $0.keysSequence == known }) == true { return viewed(at: now) }
        let most = options.maxViewAge.map { $0 * 1000 }
        guard let view else {
            guard let most else { return }
            let age = viewAge(at: now)
            guard age <= most else {
                throw Denial("revocation_view_stale", "nobody told this guard of revocations for \(age / 1000) s")
            }
            return
        }
        do throws(AgentIDError) {
            try view.refresh()
            try followKeys()
            viewed(at: now)
        } catch {
            guard !view.isBroken, let most, viewAge(at: now) <= most else {
                throw view.denial(error, "the revocations")
            }
        }
    }

    /// Notes a look that a decision had. A few times a second is enough: other cores read what it writes. A view is then
    /// taken for up to 64 ms older than it is, and never for younger.
    private func viewed(at now: Int64) {
        let steady = MonotonicClock.milliseconds
        func isNews(_ time: Int64, _ noted: borrowing Atomic<Int64>) -> Bool {
            (time &- noted.load(ordering: .relaxed)).magnitude >= 64
        }
        if isNews(now, viewedAt) || isNews(steady, viewedAtSteady) { noteView(at: now, steady) }
    }

    /// Notes when the view was complete: by the guard's clock, and by one that nobody sets.
    func noteView(at now: Int64, _ steady: Int64) {
        viewedAt.store(now, ordering: .relaxed)
        viewedAtSteady.store(steady, ordering: .relaxed)
    }

    /// The age of the view, by the clock that shows more: one may be set back, or stand still while the machine sleeps.
    private func viewAge(at now: Int64) -> Int64 {
        max(
            now - viewedAt.load(ordering: .relaxed),
            MonotonicClock.milliseconds - viewedAtSteady.load(ordering: .relaxed))
    }

    /// Trusts the registry's present keys.
    func followKeys() throws(AgentIDError) {
        guard let view, view.keysSequence != keysSequence.load(ordering: .acquiring) else { return }
        var bundle = view.bundle
        do throws(AgentIDError) { try replaceBundle(bundle, of: view.trustDomain) } catch {
            // Another thread read a newer one meanwhile; the registry did not go back.
            bundle = view.bundle
            try replaceBundle(bundle, of: view.trustDomain)
        }
        keysSequence.store(Int64(bundle.sequence), ordering: .releasing)
    }

    /// The reason why an agent of a chain may no longer act; `nil` if all may. An expired grant is none of them.
    func standing(of chain: VerifiedChain?, at now: Int64) -> Denial? {
        do throws(Denial) {
            try refreshView(now: now)
            guard let chain else { return nil }
            try checkRevocations(chain)
            try checkStanding(chain, now: now)
            return nil
        } catch { return error }
    }

    /// Revocation and expiry, which no cache remembers.
    func checkLive(_ chain: VerifiedChain, now: Int64) throws(Denial) {
        try checkAnchors(chain, now: now)
        try checkRevocations(chain)
        if loaded.earliestExpiry <= now / 1000, let denial = loaded.denial(of: chain, at: now / 1000) { throw denial }
        guard chain.expires > now / 1000 else {
            throw expired(chain, now: now)
        }
        try checkStanding(chain, now: now)
        if let statuses = options.statuses {
            for (i, link) in chain.links.enumerated() {
                switch statuses.status(ofGrant: link.grant.id) {
                case .active: continue
                case .revoked: throw Denial("authority_revoked", "the grant is revoked", link: i, at: "jti")
                case .unknown: throw Denial("status_unavailable", "the grant's status is not known", link: i, at: "jti")
                }
            }
        }
        if let identities = options.identities {
            for (i, link) in chain.links.enumerated() {
                guard let subject = link.grant.subject else { continue }
                switch identities.binding(of: subject, toKey: link.holderThumbprint) {
                case .confirmed: continue
                case .mismatch:
                    throw Denial("subject_identity_mismatch", "the key is not the subject's", link: i, at: "sub")
                case .unavailable:
                    throw Denial("identity_binding_unavailable", "the subject cannot be confirmed", link: i, at: "sub")
                }
            }
        }
    }

    /// Whether the keys that signed are still trusted: one comparison while the anchors stay the same.
    func checkAnchors(_ chain: VerifiedChain, now: Int64) throws(Denial) {
        let generation = anchorGeneration.load(ordering: .acquiring)
        guard chain.anchorGeneration.load(ordering: .acquiring) != generation else { return }
        if let denial = anchors.withLock({ chain.refusal(under: $0, at: now / 1000) }) { throw denial }
    }

    /// The part of a chain, or of its credentials and keys, that has ended.
    private func expired(_ chain: VerifiedChain, now: Int64) -> Denial {
        if let link = chain.links.firstIndex(where: { $0.grant.expires <= now / 1000 }) {
            return Denial("expired", "the grant has expired", link: link, at: "exp")
        }
        if let link = chain.links.firstIndex(where: { $0.credential.map { $0.expires <= now / 1000 } ?? false }) {
            return Denial("expired", "the credential that was shown has expired", link: link, at: "credentials")
        }
        return Denial("untrusted_root", "the key that signed has ended", link: 0, at: "kid")
    }

    func checkRevocations(_ chain: VerifiedChain) throws(Denial) {
        // All only grow: an equal sum means that none has changed.
        let sequence =
            revocations.sequence &+ (following?.with { $0.revocations.sequence } ?? 0) &+ loaded.sequence
        guard sequence != 0, chain.checkedSequence.load(ordering: .relaxed) != sequence else { return }
        if let revoked = revocations.first(in: chain)
            ?? view?.revocations.first(in: chain, profiles: !chain.issuer.isForeign) ?? loaded.first(in: chain)
        {
            throw Denial("authority_revoked", "revoked: \(revoked.kind.name) \(revoked.value)", at: "chain")
        }
        chain.checkedSequence.store(sequence, ordering: .relaxed)
    }

    /// Checks a credential that is presented: its signer, and the agent and key that it names.
    func checkRevocations(of credential: Credential) throws(Denial) {
        let candidates = credential.revocable
        if let revoked = revocations.first(of: candidates) ?? view?.revocations.first(of: candidates)
            ?? loaded.first(of: credential)
        {
            throw Denial(
                "authority_revoked", "revoked: \(revoked.kind.name) \(revoked.value)", at: "credentials")
        }
    }

    /// Checks leases and states of the chain's agents, as far as the registry knows them.
    ///
    /// Read when the registry moved, and when a lease has lapsed by the last reading: it may have been renewed.
    func checkStanding(_ chain: VerifiedChain, now: Int64) throws(Denial) {
        guard let following, let view else { return }
        let sequence = following.with { $0.standings }
        if chain.standingSequence.load(ordering: .acquiring) == sequence,
            now < chain.leasedUntil.load(ordering: .relaxed)
        {
            return
        }
        let standing: [LinkStanding]
        do throws(AgentIDError) { standing = try view.standing(of: chain) } catch {
            throw view.denial(error, "the leases")
        }
        if let denial = note(standing, of: chain, under: sequence, now: now) { throw denial }
    }

    /// Remembers the standing of a chain's agents if all of them may act; otherwise returns the reason.
    func note(_ standing: [LinkStanding], of chain: VerifiedChain, under sequence: Int64, now: Int64) -> Denial? {
        var until = Int64.max
        for standing in standing {
            if let denial = standing.denial(at: now) { return denial }
            until = min(until, standing.agent.leaseExpires ?? now)
        }
        // Stored first, then checked: a later revocation moves the list, and its readers find this.
        let foundations = chain.foundations(of: standing)
        chain.stand(on: foundations)
        if !foundations.isEmpty,
            let revoked = revocations.first(of: foundations) ?? view?.revocations.first(of: foundations)
        {
            return Denial("authority_revoked", "revoked: \(revoked.kind.name) \(revoked.value)", at: "chain")
        }
        // In this order: a reader that sees the sequence sees a lease read under it, or a later one.
        chain.leasedUntil.store(until, ordering: .relaxed)
        chain.standingSequence.store(sequence, ordering: .releasing)
        return nil
    }
}

extension LinkStanding {
    /// The reason why the agent may not act at a time, in milliseconds since 1970; `nil` if it may.
    func denial(at now: Int64) -> Denial? {
        let who = isNamed ? "the agent" : "the key is \(agent.agent)'s, which"
        let place = isNamed ? "agent" : "cnf.jwk"
        switch agent.state {
        case .active: break
        case .parked: return Denial("parked", "\(who) is parked", link: link, at: place)
        case .suspended: return Denial("suspended", "\(who) is suspended", link: link, at: place)
        case .deprovisioned: return Denial("authority_revoked", "\(who) has ended", link: link, at: place)
        }
        guard let expires = agent.leaseExpires, expires > now else {
            let lapsed = isNamed ? "the agent's lease has lapsed" : "\(who) has a lease that lapsed"
            return Denial("lease_lapsed", lapsed, link: link, at: place)
        }
        return nil
    }
}
