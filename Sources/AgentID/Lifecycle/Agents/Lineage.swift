internal import StrictJSON

/// The parts of an agent's chain that its authority's process knows: for its events and its renewal.
struct Lineage: Sendable {
    /// The `jti` of each grant, root first.
    private(set) var grants: [String] = []
    /// Everything whose revocation ends the agent.
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

    /// The keys and grants in it; all are the agent's own if no other agent started it.
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
