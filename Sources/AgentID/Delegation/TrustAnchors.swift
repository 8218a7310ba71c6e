internal import JOSE

/// The keys a guard trusts to sign root grants: bundles by trust domain, and bare keys for any issuer.
struct TrustAnchors: Sendable {
    var bundles: [String: TrustBundle] = [:]
    var bare: [PublicKey] = []

    struct Match {
        /// The issuer that a root under this key must name; `nil`: any.
        let issuer: String?
        let keyID: String
    }

    /// AAT step 3b. A `kid` picks the key; there is no falling back to others.
    func verify(_ root: CompactJWS) throws(Denial) -> Match {
        if let keyID = root.keyID {
            for (domain, bundle) in bundles {
                guard let key = bundle.keys[keyID] else { continue }
                guard root.isSigned(by: key) else {
                    throw Denial("invalid_signature", "the root's signature does not verify under its kid", link: 0)
                }
                return Match(issuer: "spiffe://" + domain, keyID: keyID)
            }
            guard !bare.isEmpty else {
                throw Denial("untrusted_root", "no bundle has the root's kid", link: 0, at: "kid")
            }
        }
        for key in bare where root.isSigned(by: key) { return Match(issuer: nil, keyID: key.thumbprint) }
        // Without kid every key of the bundles is tried: the draft requires none.
        if root.keyID == nil {
            for (domain, bundle) in bundles {
                for (keyID, key) in bundle.keys where root.isSigned(by: key) {
                    return Match(issuer: "spiffe://" + domain, keyID: keyID)
                }
            }
        }
        throw Denial("untrusted_root", "no trusted key signed the root", link: 0)
    }

    /// The claims of a token that an authority signs beside its grants, and the trust domain whose key its `kid` names.
    func claims(of token: [UInt8], type: String) throws(JOSEError) -> (trustDomain: String, claims: JSON.Value) {
        let jws = try CompactJWS(token)
        guard jws.type == type else { throw JOSEError("typ", "typ is not \(type)") }
        guard let keyID = jws.keyID, let (domain, bundle) = bundles.first(where: { $0.value.keys[keyID] != nil }),
            let key = bundle.keys[keyID], jws.isSigned(by: key)
        else { throw JOSEError("untrusted", "no trusted key signed it") }
        return (domain, try jws.payload(limits: .init(bytes: Limits.tokenSize)).root)
    }
}
