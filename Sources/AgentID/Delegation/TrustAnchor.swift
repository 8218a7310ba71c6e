internal import JOSE
internal import StrictJSON

/// A key that may sign roots and credentials, with its issuer and its time limits.
struct TrustAnchor: Sendable, Equatable {
    let key: PublicKey
    /// RFC 7638: the only `kid` that names this key.
    @Exact private(set) var thumbprint: String
    /// The one issuer it speaks for: the `iss` of the roots that it signs.
    @Exact private(set) var issuer: String
    /// The trust domain of its bundle; `nil` for a bare key.
    let domain: TrustDomain?
    /// The time when its authority stopped signing with it, in seconds since 1970: anything dated later is refused.
    var retiredAt: Int64?
    /// The time from which nothing that it signed is valid, in seconds since 1970.
    var endsAt: Int64?

    /// The time when its authority revoked it, in seconds since 1970: nothing that it ever signed is valid.
    var revokedAt: Int64?

    init(
        _ key: PublicKey, of domain: TrustDomain, retiredAt: Int64? = nil, endsAt: Int64? = nil,
        revokedAt: Int64? = nil
    ) {
        (self.key, self.domain, self.retiredAt, self.endsAt) = (key, domain, retiredAt, endsAt)
        self.revokedAt = revokedAt
        (thumbprint, issuer) = (key.thumbprint, domain.issuer)
    }

    /// A bare key.
    init(_ key: PublicKey, for issuer: String) {
        (self.key, domain) = (key, nil)
        (thumbprint, self.issuer) = (key.thumbprint, issuer)
    }

    /// The reason why a statement dated `issuedAt` by this key is not valid at a time; `nil` if it is. In seconds since
    /// 1970.
    func denial(
        ofStatementFrom issuedAt: Int64, at now: Int64, as reason: String = "untrusted_root", link: Int?,
        place: String = ""
    ) -> Denial? {
        if revokedAt != nil {
            return Denial(
                "authority_revoked", "the key that signed is revoked: \(thumbprint)", link: link, at: place)
        }
        if let endsAt, endsAt <= now {
            return Denial(reason, "the key that signed has ended: \(thumbprint)", link: link, at: place)
        }
        if let retiredAt, issuedAt > retiredAt {
            return Denial(
                reason, "it is dated after the key that signed was retired: \(thumbprint)", link: link, at: place)
        }
        return nil
    }
}
