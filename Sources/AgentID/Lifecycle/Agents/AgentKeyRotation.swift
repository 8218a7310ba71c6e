internal import JOSE
internal import Scopes

extension Agent {
    /// Replaces the key, and wipes the old one here.
    ///
    /// By itself it derives a same-scope grant to the new key (AAT section 6.2, handoff), which costs one level of depth. The
    /// old key is not revoked: a copy of it can still be used under the chain that it held, and grants that it delegated stay
    /// valid, until those grants expire.
    ///
    /// If the old key may be in other hands, revoke it: the authority, which must be in this process, issues the same grant to
    /// the new key, with the same end and labels, under the profile's present ceiling. Every key and grant that the agent held
    /// until then is revoked, with all that was delegated and spawned under them.
    ///
    /// - Parameter revokingOldKey: Whether to revoke. Calls that are on their way with the old key are then denied.
    /// - Throws: `no_authority` without the authority in this process, `sub_agent` for an agent that another one started: end
    ///   that and spawn it again. On an error the agent keeps its key and nothing is revoked; except of code `io`, where the
    ///   registry cannot be written (locked for 10 s, a full disk): the old key is revoked then, and the agent has no other.
    public func rotateKey(revokingOldKey: Bool = false) throws(AgentIDError) {
        // Clocks and signers are asked under no lock. What was signed for a key that is replaced meanwhile is of no use: each
        // other call that replaces it costs one more attempt.
        for _ in 0..<Limits.hardDepth {
            let (key, id, before) = (try Agent.newKey(), try id(), try current())
            if revokingOldKey {
                guard let lifecycle = home?.lifecycle else { throw Agent.homeless }
                if try lifecycle.grantAnew(to: key, for: self, id: id, in: before) { return }
            } else {
                let after = try handedOn(to: key, id: id, in: before)
                guard let lifecycle = home?.lifecycle else {
                    if try replaceKey(since: before, by: { after }) { return }
                    continue
                }
                if try lifecycle.rotate(self, id, to: after, since: before) { return }
            }
        }
        throw Lifecycle.keyReplaced
    }

    private func handedOn(to key: SigningKey, id: String, in before: State) throws(AgentIDError) -> State {
        // With what its own grant says of guards and limits: a root that is granted anew is made after this one.
        let request = DelegationRequest.sameScope(
            labels: labelsKept(in: before), audiences: before.held.grant.audiences ?? [],
            isolated: before.held.grant.claim?.isIsolated ?? false, limits: before.held.grant.claim?.limits)
        let held = try before.held.derive(
            to: key.publicKey, agent: before.held.grant.claim?.agent, request, by: before.key, clock: clock
        ).held
        var after = State(held: held, key: key, term: before.term)
        after.lineage = before.lineage.adding(grant: held.grant.id, key: key.thumbprint, agent: id)
        return after
    }

    /// Replaces the key and what it holds by what `body` returns, one call at a time, and never while the agent is parked.
    ///
    /// - Returns: `false`, and nothing is called, if another call replaced the key since `before`.
    func replaceKey(
        since before: State, by body: () throws(AgentIDError) -> State
    ) throws(AgentIDError) -> Bool {
        try turn.withLock { _ throws(AgentIDError) in
            guard try current().key.publicKey == before.key.publicKey else { return false }
            try replace(with: body())
            return true
        }
    }
}
