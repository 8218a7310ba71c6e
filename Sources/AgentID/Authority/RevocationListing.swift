internal import JOSE
internal import StrictJSON

extension Authority {
    /// A signed list of what this authority has revoked, for guards that cannot read its registry: see
    /// ``Guard/loadRevocations(_:keepsAfterExpiry:)``. Anybody may pass it on.
    ///
    /// Leaves out agents and grants of which nothing can be valid any more: all grants of them expired an hour ago, or
    /// they were revoked 90 days ago. A clock that was wrong may have said so when agents were pruned: of these it names
    /// those whose grants may run, as far as there is room.
    ///
    /// - Parameter lifetime: The list is good for so many seconds, 1 second to 30 days. Guards deny when it is over,
    ///   unless told otherwise.
    /// - Throws: `revocation_list` for another lifetime; `revocations_size` if more is revoked than a list can hold.
    public func revocationList(lifetime: Int64 = 3600) throws(AgentIDError) -> String {
        try keys.checkOpen()
        try lifecycle.checkWhole()
        guard (1...SignedRevocations.longestLifetime).contains(lifetime) else {
            throw AgentIDError(
                .argument, name: "revocation_list", message: "a list is good for 1 second to 30 days", at: "lifetime")
        }
        let now = try clock.now() / 1000
        // What is in force by the journal is in the registry first, or there is no list.
        do throws(AgentIDError) { try lifecycle.write { _ in } } catch {
            guard error.name.isSame(as: "read_only"), try lifecycle.isFolded() else { throw error }
        }
        let (sequence, revocations) = try registry.readAside { registry in
            (try registry.meta().sequence, try registry.revocationsStillNeeded(at: now))
        }
        return try lifecycle.withActiveKey { active throws(AgentIDError) in
            try SignedRevocations.issue(
                revocations, of: trustDomain, sequence: sequence, issued: now, expires: now + lifetime,
                by: lifecycle.boundedSigner(of: active, within: 10_000))
        }
    }
}

extension RegistryReader {
    fileprivate func revocationsStillNeeded(at now: Int64) throws(AgentIDError) -> [Revocation] {
        let (hour, longest) = (Int64(3600), Limits.longestLifetime)
        var (needed, after): ([Revocation], Int64) = ([], 0)
        while true {
            let records = try revocations(after: after, limit: 10_000)
            for record in records {
                after = record.sequence
                let end: Int64?
                switch record.revocation.kind {
                case .grant: end = try grant(record.revocation.value)?.expires
                // Sub-agents and whoever was handed on to hold grants that end with these.
                case .agent: end = try lastGrantEnd(of: record.revocation.value)
                case .key, .profile, .principal, .issuer:
                    needed.append(record.revocation)
                    continue
                }
                if (end ?? record.at + longest) > now - hour { needed.append(record.revocation) }
            }
            if records.count < 10_000 { break }
        }
        let life = try profiles().map(\.profile.maxLifetime).max() ?? 0
        // As a token has it, in Base64.
        var bytes = SignedRevocations.longest / 4 * 3 - 4096
        for revocation in needed { bytes -= revocation.value.utf8.count + 3 }
        let room = max(SignedRevocations.most - needed.count, 0)
        for agent in try prunedAgents(endedAfter: now - hour - life, limit: room) {
            bytes -= agent.utf8.count + 3
            guard bytes >= 0 else { break }
            needed.append(Revocation(unchecked: .agent, agent))
        }
        return needed
    }

    /// The end of the last grant of an agent, or of the registered one above a name that the registry does not have.
    private func lastGrantEnd(of agent: String) throws(AgentIDError) -> Int64? {
        for id in SPIFFEID.ancestry(of: agent) {
            if let end = try grants(of: id).map(\.expires).max() { return end }
        }
        return nil
    }
}
