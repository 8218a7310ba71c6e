internal import StrictJSON

/// Whether a chain may be presented to this guard: AAT step 6c. Names are compared byte for byte.
struct ChainAudience: Sendable {
    /// The guard's own name; `nil` where it has none.
    let name: String?
    /// Whether some grant of each chain must name this guard.
    var isRequired = false
    /// No where chains are looked at, and nothing is decided: nobody presents them then.
    var isJudged = true

    func check(_ links: [VerifiedChain.Link]) throws(Denial) {
        guard isJudged else { return }
        var isNamed = false
        for (i, link) in links.enumerated() {
            guard let audiences = link.grant.audiences else { continue }
            guard let name else {
                throw Denial(
                    "chain_audience_mismatch", "the grant is for guards that it names, and this guard has no name",
                    link: i, at: "aud")
            }
            guard audiences.holds(name) else {
                throw Denial("chain_audience_mismatch", "the grant is for other guards", link: i, at: "aud")
            }
            isNamed = true
        }
        guard isNamed || !isRequired else {
            throw Denial(
                "chain_audience_missing",
                "no grant of the chain says which guards it is for, and this guard requires one that names it",
                link: links.count - 1, at: "aud")
        }
    }
}

extension ChainAudience {
    private static let most = 64

    /// Refuses names that no guard has.
    static func check(_ names: [String]) throws(AgentIDError) {
        guard names.count <= most, names.allSatisfy({ (1...AuditBounds.guardian).contains($0.utf8.count) }) else {
            throw AgentIDError(
                .argument, name: "audience",
                message: "audiences are at most \(most) names of guards, each of 1 to \(AuditBounds.guardian) bytes",
                at: "options.audiences")
        }
    }

    /// Each once, as the claim has them.
    static func ordered(_ names: [String]) -> [String] { names.exact.inByteOrder() }

    /// The claim `aud` for these names; `nil` for none.
    static func claim(_ names: [String]) -> JSONTree? {
        names.count > 1 ? .array(names.map { .string($0) }) : names.first.map { .string($0) }
    }
}
