internal import JOSE
internal import StrictJSON

/// The statements of a grant beside its scope: its holder, its times, its depth.
///
/// An object, as a ``Grant`` is: whoever holds a grant would copy two dozen texts.
final class GrantTerms: Sendable {
    /// The `jti`.
    let id: String
    /// In seconds since 1970.
    let issuedAt: Int64
    /// In seconds since 1970.
    let expires: Int64
    let depth: Int64
    let maxDepth: Int64
    let holder: PublicKey
    let claim: Claim?
    /// The guards that it, and all below it, may be presented to; `nil` where it does not say.
    let audiences: [String]?

    init(
        id: String, issuedAt: Int64, expires: Int64, depth: Int64, maxDepth: Int64, holder: PublicKey, claim: Claim?,
        audiences: [String]
    ) {
        (self.id, self.issuedAt, self.expires, self.depth) = (id, issuedAt, expires, depth)
        (self.maxDepth, self.holder, self.claim) = (maxDepth, holder, claim)
        self.audiences = audiences.isEmpty ? nil : ChainAudience.ordered(audiences)
    }

    /// Those of a grant that was read.
    init(_ grant: Grant) {
        (id, issuedAt, expires, depth) = (grant.id, grant.issuedAt, grant.expires, grant.depth)
        (maxDepth, holder, claim, audiences) = (grant.maxDepth, grant.holder, grant.claim, grant.audiences)
    }

    /// The members of the token's payload that say this.
    var members: JSONTree.Members {
        var members: JSONTree.Members = [
            "jti": .string(id), "iat": .int(Int(issuedAt)), "exp": .int(Int(expires)), "del_depth": .int(Int(depth)),
            "del_max_depth": .int(Int(maxDepth)), "cnf": ["jwk": holder.jwk],
        ]
        if let claim { members[Claim.name] = claim.tree }
        if let audiences { members["aud"] = ChainAudience.claim(audiences) }
        return members
    }
}
