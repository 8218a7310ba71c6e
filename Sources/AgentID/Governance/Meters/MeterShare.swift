internal import Policy
internal import StrictJSON

/// The part of a page that one root grant, or one other authority, may fill with meters of agents, and of grants, that the
/// registry does not have: whoever may hand on can name as many of them as it likes, and others need room too.
///
/// Each length of time that meters are kept has a count of its own: so many meters at once, and as many again within that
/// time. Agents that the registry has take nothing: the authority started them.
final class MeterShare: Sendable {
    /// Meters of all agents below one root, and of all that another authority names.
    static let (ofRoot, ofAuthority): (Int64, Int64) = (512, 8192)

    private static let times: [Int64] = [3_600_000, 86_400_000, PolicyLimits.longest]

    private let issuer: String
    private let task: String
    private let name: String
    private let isAgent: Bool
    /// The grant that states the limit; `nil` for a policy's rule.
    private let grantor: GrantLimit.Holder?
    private let lifetime: Int64
    private let page: MetersPage
    private let registry: any Registry

    /// - Parameters:
    ///   - subject: whose meter is to be made, and its name.
    ///   - rule: the rule that it counts by, where a grant may state it.
    ///   - lifetime: the time that it is kept, in milliseconds.
    @inline(never) init(
        _ subjects: PolicySubjects, _ subject: Subject, _ name: String, of rule: PolicyRule? = nil, for lifetime: Int64,
        _ page: MetersPage, _ registry: any Registry
    ) {
        (issuer, task, self.name, grantor) = (subjects.issuer, subjects.task, name, rule?.grantor)
        isAgent = grantor != nil || subject == .agent || subject == .subtree
        // Who states limits chooses their times: each of a few has a share, not each time.
        let kept = grantor == nil ? lifetime : Self.times.first { $0 >= lifetime } ?? lifetime
        (self.lifetime, self.page, self.registry) = (max(kept, 60_000), page, registry)
    }

    /// Takes one meter from the share, or denies.
    func take(at time: MeterTime) throws(Denial) {
        let isForeign = !issuer.isEmpty
        // An authority elsewhere makes up roots, principals and profiles as well.
        guard isForeign || isAgent, try !isRegistered() else { return }
        let most = isForeign ? Self.ofAuthority : Self.ofRoot
        let whose = isForeign ? ["issuer", issuer] : ["root", task]
        guard let rate = GCRA(calls: most, period: lifetime, burst: most) else { return }
        let slot = try page.slot(of: page.key(["share", "\(lifetime)"] + whose), .rate, at: time)
        guard let wait = try page.take(slot, rate, at: time) else { return }
        throw Denial(
            "meters_share",
            isForeign
                ? "the authority \(issuer.beginning(atMost: 256)) has \(most) meters here already"
                : "\(most) meters are in use for agents below this root that the registry does not have: spawn them in a "
                    + "process of the authority, or name fewer", retryAfter: wait)
    }

    private func isRegistered() throws(Denial) -> Bool {
        guard issuer.isEmpty else { return false }
        let (name, grantor) = (name, grantor)
        do throws(AgentIDError) {
            return try registry.read { reader throws(AgentIDError) in
                // A holder could state ever more limits for itself.
                if let grantor {
                    return try reader.grant(grantor.grant)?.tokenHash.isSame(as: grantor.token) ?? false
                }
                return try reader.agent(name) != nil
            }
        } catch {
            throw Denial("revocation_view_stale", "the agents cannot be read: \(error)")
        }
    }
}
