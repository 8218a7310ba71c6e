internal import JOSE
internal import StrictJSON

/// The agents as they are listed: an agent that a guard denies is not shown as live.
extension Lifecycle {
    private struct Found {
        /// The latest grant of each agent that has not ended.
        var grants: [ExactText: GrantRecord] = [:]
        /// The standing of the agents and of all above them.
        var standings: [ExactText: AgentStanding] = [:]
    }

    /// The number of agents looked up in one transaction: decisions wait for the connection no longer than that takes.
    private static var portion: Int { 256 }

    func agents(_ selection: AgentSelection) throws(AgentIDError) -> [AgentDescription] {
        let filter = try selection.filter()
        let now = clock.milliseconds
        try? view.refresh()
        var found = Found()
        let records = try registry.readAside { registry in
            let records = try registry.agents(filter)
            let held = records.filter { $0.state != .deprovisioned }.map(\.id)
            for (id, grant) in zip(held, try registry.lastGrants(of: held)) { found.grants[id.exact] = grant }
            return records
        }
        var named = Set<ExactText>()
        for record in records where record.state != .deprovisioned {
            named.formUnion(SPIFFEID.ancestry(of: record.id).map(\.exact))
        }
        try inPortions(named.inByteOrder()) { ids throws(AgentIDError) in
            for var standing in try view.standing(of: ids) {
                standing.leaseExpires = try lapse(of: standing, now: now) ?? standing.leaseExpires
                found.standings[standing.agent.exact] = standing
            }
        }
        return records.map { describe($0, in: found, now: now) }
    }

    /// When a lease lapsed that a clock dated which was ahead, in milliseconds; `nil` for all others.
    private func lapse(of standing: AgentStanding, now: Int64) throws(AgentIDError) -> Int64? {
        let (time, steady) = (now + leaseDuration * 1000, steady.now)
        guard let expires = standing.leaseExpires, expires > time,
            let lease = try registry.readAside({ try $0.lease(of: standing.agent) }), lease.renewed > now,
            lease.runs(at: steady) == false
        else { return nil }
        return now &- (steady.milliseconds &- lease.runsUntil.milliseconds)
    }

    private func inPortions(
        _ ids: [String], _ body: ([String]) throws(AgentIDError) -> Void
    ) throws(AgentIDError) {
        var rest = ids[...]
        while !rest.isEmpty {
            try body(Array(rest.prefix(Self.portion)))
            rest = rest.dropFirst(Self.portion)
        }
    }

    private func describe(_ record: AgentRecord, in found: Found, now: Int64) -> AgentDescription {
        let (grant, expires) = (found.grants[record.id.exact], found.standings[record.id.exact]?.leaseExpires)
        let isExpired = record.state != .deprovisioned && (grant?.expires ?? 0) <= now / 1000
        return AgentDescription(
            record: record, leaseExpires: expires, grantExpires: grant?.expires, isExpired: isExpired,
            isLive: !isExpired && mayAct(record, under: grant, in: found, now: now),
            renewalFailure: leases.failure(of: record.id))
    }

    private func mayAct(_ record: AgentRecord, under grant: GrantRecord?, in found: Found, now: Int64) -> Bool {
        guard record.state == .active, let grant else { return false }
        for id in SPIFFEID.ancestry(of: record.id) {
            // An ID above it that is not registered is only a name.
            guard let standing = found.standings[id.exact] else { continue }
            guard standing.state == .active, standing.leaseExpires.map({ $0 > now }) ?? true else { return false }
        }
        let revocable =
            [
                Revocation(unchecked: .profile, record.profile), Revocation(unchecked: .principal, record.principal),
                Revocation(unchecked: .principal, record.owner), Revocation(unchecked: .key, record.key),
            ] + SPIFFEID.ancestry(of: record.id).map { Revocation(unchecked: .agent, $0) } + grant.links
        return view.revocations.first(of: revocable) == nil
    }
}

extension GrantRecord {
    /// The grants and keys of its chain, as far as they can be read.
    var links: [Revocation] {
        var revocable: [Revocation] = []
        for (i, token) in Array(chain.utf8).split(separator: UInt8(ascii: "~")).enumerated() {
            guard let jws = try? CompactJWS(Array(token)),
                let claims = try? jws.payload(limits: .init(bytes: Limits.tokenSize)).root
            else { continue }
            if let id = claims["jti"]?.string { revocable.append(Revocation(unchecked: .grant, id)) }
            if let key = claims["cnf"]?["jwk"].flatMap({ try? PublicKey(jwk: $0) }) {
                revocable.append(Revocation(unchecked: .key, key.thumbprint))
            }
            if i == 0, let signer = jws.keyID { revocable.append(Revocation(unchecked: .issuer, signer)) }
        }
        return revocable
    }
}
