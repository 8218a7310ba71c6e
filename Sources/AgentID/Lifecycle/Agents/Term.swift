/// How an agent's grant is made anew, as long as its handle is held.
///
/// Grants are short so that what was handed out ends soon by itself; that they are renewed makes long tasks possible.
struct Term: Sendable {
    enum Source: Sendable {
        /// A root grant, which the authority signs.
        case authority
        /// A derived one, which the parent signs. Held: a child's chain stands on its parent's lease and key.
        case parent(Agent, DelegationRequest)
    }

    let source: Source
    /// How long each grant runs, in seconds; `nil`: as long as the parent's.
    let lifetime: Int64?
    /// When the agent ends for good, in seconds since 1970.
    let until: Int64?

    /// How many agents stand above: parents are renewed first.
    var level: Int {
        var (level, source) = (0, source)
        while case .parent(let parent, _) = source, level < Limits.hardDepth {
            level += 1
            guard let above = parent.snapshot?.term else { break }
            source = above.source
        }
        return level
    }

    /// When a grant that is made now ends at the latest, in seconds since 1970.
    ///
    /// - Parameter most: the profile's longest lifetime, or when the parent's grant ends less now.
    func end(of most: Int64, now: Int64) -> Int64 { min(now + min(lifetime ?? most, most), until ?? Limits.latestDate) }
}

extension Agent.State {
    /// When the grant is due to be made anew, in milliseconds since 1970: at half its life; never where it ends for good.
    var renewGrantAt: Int64 {
        let grant = held.grant
        guard let term, (term.until ?? .max) > grant.expires else { return .max }
        return (min(grant.issuedAt, Limits.latestDate) + min(grant.expires, Limits.latestDate)) * 500
    }

    /// When the credential is due to be made anew, in milliseconds since 1970.
    var renewCredentialAt: Int64 { credential?.renewAt.map { min($0, Limits.latestDate) * 1000 } ?? .max }

    /// Whether the grant is due, or was dated by a clock that was ahead, and is good only when that time has come.
    func isGrantDue(at now: Int64) -> Bool {
        now >= renewGrantAt || held.grant.issuedAt > now / 1000 + Limits.issuedAtSkew / 2
    }
}
