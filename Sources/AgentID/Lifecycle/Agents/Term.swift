/// The terms of renewing an agent's grant, while its handle is held.
///
/// Grants are short so that authority handed out ends soon by itself; renewing them makes long tasks possible.
struct Term: Sendable {
    enum Source: Sendable {
        /// A root grant, which the authority signs.
        case authority
        /// A derived one, which the parent signs. Keeps the parent alive: a child's chain depends on its lease and key.
        case parent(Agent, DelegationRequest)
        /// As long as an unparked child waits for whoever asks for it: its parent keeps it.
        case keeper(Keeper, DelegationRequest)
    }

    /// A parent that keeps the child.
    struct Keeper: Sendable { weak let agent: Agent? }

    var source: Source
    /// The lifetime of each grant, in seconds; `nil`: as long as the parent's.
    let lifetime: Int64?
    /// The agent's end for good, in seconds since 1970.
    let until: Int64?

    /// The number of agents above it: parents are renewed first.
    var level: Int {
        var (level, source) = (0, source)
        while let parent = source.parent?.agent, level < Limits.hardDepth {
            level += 1
            guard let above = parent.snapshot?.term else { break }
            source = above.source
        }
        return level
    }

    /// The latest end of a grant that is made now, in seconds since 1970.
    ///
    /// - Parameter most: The profile's longest lifetime, or the remaining time of the parent's grant.
    func end(of most: Int64, now: Int64) -> Int64 { min(now + min(lifetime ?? most, most), until ?? Limits.latestDate) }
}

extension Term.Source {
    /// The agent that signs the grant, and what it was asked for; `nil` for a root, or if nobody holds the parent.
    var parent: (agent: Agent, request: DelegationRequest)? {
        switch self {
        case .authority: nil
        case .parent(let parent, let request): (parent, request)
        case .keeper(let keeper, let request): keeper.agent.map { ($0, request) }
        }
    }
}

extension Agent.State {
    /// The time when the grant is due for renewal, in milliseconds since 1970: at half its life; never if it ends for
    /// good.
    var renewGrantAt: Int64 {
        let grant = held.grant
        guard let term, (term.until ?? .max) > grant.expires else { return .max }
        return (min(grant.issuedAt, Limits.latestDate) + min(grant.expires, Limits.latestDate)) * 500
    }

    /// The time when the credential is due for renewal, in milliseconds since 1970.
    var renewCredentialAt: Int64 { credential?.renewAt.map { min($0, Limits.latestDate) * 1000 } ?? .max }

    /// Whether the grant is due, or bears the date of a clock that was ahead and is not valid yet.
    func isGrantDue(at now: Int64) -> Bool {
        now >= renewGrantAt || held.grant.issuedAt > now / 1000 + Limits.issuedAtSkew / 2
    }
}
