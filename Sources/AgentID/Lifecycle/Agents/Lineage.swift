internal import StrictJSON

/// What an agent's chain consists of, as far as its authority's process knows: for its events and its renewal.
struct Lineage: Sendable {
    /// The `jti` of each grant, root first.
    private(set) var grants: [String] = []
    /// Whatever, when it is revoked, ends the agent.
    private(set) var revocable: [Revocation] = []

    /// The lineage of a root grant.
    init(root: Issuance) {
        revocable = [
            Revocation(unchecked: .issuer, root.issuerKeyID), Revocation(unchecked: .profile, root.agent.profile),
            Revocation(unchecked: .principal, root.agent.principal),
            Revocation(unchecked: .principal, root.agent.owner),
        ]
        self = adding(grant: root.grant.id, key: root.agent.key, agent: root.agent.id)
    }

    /// The keys and grants in it, all of which are the agent's own where no other one started it.
    var held: [Revocation] { revocable.filter { $0.kind == .grant || $0.kind == .key } }

    init() {}

    /// The lineage of a grant below the last one.
    func adding(grant: String, key: String, agent: String) -> Lineage {
        var longer = self
        longer.grants.append(grant)
        longer.revocable += [Revocation(unchecked: .grant, grant), Revocation(unchecked: .key, key)]
        longer.revocable += SPIFFEID.ancestry(of: agent).map { Revocation(unchecked: .agent, $0) }
        return longer
    }
}
