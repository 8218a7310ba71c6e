internal import JOSE
internal import StrictJSON

/// The keys a guard trusts to sign root grants, each for one issuer: bundles by trust domain, and bare keys.
struct TrustAnchors: Sendable {
    /// Moves with every change: a chain verified under another generation is looked up again before it is trusted.
    private(set) var generation: UInt64 = 1
    private var bundles: [ExactText: TrustBundle] = [:]
    private var bare: [TrustAnchor] = []
    /// In the order of the domains' names, bare keys last: the order of trial does not depend on a hash table.
    private(set) var all: [TrustAnchor] = []
    /// The same by thumbprint: several if one key is in the bundles of several domains.
    private var named: [ExactText: [TrustAnchor]] = [:]

    /// Trusts a domain's bundle, replacing the present one; refuses an older one.
    mutating func replace(_ bundle: TrustBundle, of domain: TrustDomain) throws(AgentIDError) {
        if let held = bundles[domain.name.exact], held.sequence > bundle.sequence {
            throw AgentIDError(
                .state, name: "bundle_rollback",
                message: "a bundle with sequence \(held.sequence) is held, this has \(bundle.sequence)",
                at: "bundle.spiffe_sequence")
        }
        bundles[domain.name.exact] = bundle
        advance()
    }

    /// Trusts keys for one issuer, unless that is a domain with a bundle here. Their only name is their thumbprint,
    /// too.
    mutating func trust(_ keys: [PublicKey], for issuer: String) {
        let fresh = keys.map { TrustAnchor($0, for: issuer) }.filter { !bare.contains($0) }
        guard !fresh.isEmpty else { return }
        bare += fresh
        advance()
    }

    private mutating func advance() {
        all = bundles.inOrder { $0.key < $1.key }.flatMap { $0.value.anchors } + bare
        named = Dictionary(grouping: all) { $0.thumbprint.exact }
        generation &+= 1
    }

    /// AAT step 3b: the anchors that may have signed, all with one key. A `kid` that is a trusted key's thumbprint
    /// selects that key, without falling back to others. For any other `kid` no bundle has the key: bundles name keys
    /// by their thumbprints, and only a bare key's issuer may name it otherwise.
    ///
    /// Several if one key speaks for several issuers: the issuer that the root names selects one (step 3k).
    ///
    /// - Parameter payload: The root's payload, decoded and not verified.
    func signers(of root: CompactJWS, payload: [UInt8]) throws(Denial) -> [TrustAnchor] {
        if let keyID = root.keyID, let named = named[keyID.exact], let key = named.first?.key {
            guard root.isSigned(by: key) else {
                throw Denial("invalid_signature", "the root's signature does not verify under its kid", link: 0)
            }
            return named
        }
        // The draft requires no kid. A root without one names an issuer, and costs no more than that issuer's few keys.
        let tried = candidates(among: root.keyID == nil ? all : bare, forIssuerIn: payload)
        guard tried.count <= Self.mostTried else {
            throw Denial(
                "untrusted_root",
                "\(tried.count) keys may have signed the root, and at most \(Self.mostTried) are tried: its header needs a kid "
                    + "that is the key's thumbprint", link: 0, at: "kid")
        }
        for anchor in tried where root.isSigned(by: anchor.key) {
            let signers = named[anchor.thumbprint.exact] ?? []
            return root.keyID == nil ? signers : signers.filter { $0.domain == nil }
        }
        guard root.keyID == nil else {
            throw Denial(
                "untrusted_root",
                "the root's kid is not a trusted key's thumbprint: the guard needs its domain's bundle",
                link: 0, at: "kid")
        }
        throw Denial("untrusted_root", "no trusted key signed the root", link: 0)
    }

    /// The most keys tried for a root that names none by its thumbprint: each costs a signature verification.
    static let mostTried = 8

    /// The keys that speak for the issuer that a payload names, each once. All of them if none does, or if the name is
    /// written with escapes: such a root then fails at its signature.
    private func candidates(among anchors: [TrustAnchor], forIssuerIn payload: [UInt8]) -> [TrustAnchor] {
        let issuer = GrantIDScan.find("iss", in: payload.span).map { String(decoding: payload[$0], as: UTF8.self) }
        let speaking = anchors.filter { anchor in issuer.map { anchor.issuer.isSame(as: $0) } ?? true }
        var seen: Set<ExactText> = []
        return (speaking.isEmpty ? anchors : speaking).filter { seen.insert($0.thumbprint.exact).inserted }
    }

    /// Whether the domain that an `iss` names has a bundle here: then only the bundle decides who speaks for it.
    func holdBundle(of issuer: JSON.Value) -> Bool {
        ChainIssuer.domain(of: issuer).map { bundles[$0.name.exact] != nil } ?? false
    }

    /// Whether a domain's key of this thumbprint is trusted now; one that was retired is.
    func trusts(_ thumbprint: String, of domain: TrustDomain) -> Bool {
        named[thumbprint.exact]?.contains { $0.domain == domain && $0.revokedAt == nil } ?? false
    }

    /// The anchor as it is trusted now; `nil` if it no longer is.
    func current(_ anchor: TrustAnchor) -> TrustAnchor? {
        named[anchor.thumbprint.exact]?.first {
            $0.domain == anchor.domain && $0.key == anchor.key && $0.issuer.isSame(as: anchor.issuer)
        }
    }

    /// The claims of a token other than a grant that an authority signs, and the anchor that its `kid` names.
    ///
    /// The issuer it names must be the anchor's domain; the key must not be revoked, nor retired before it was dated.
    func claims(
        of token: [UInt8], type: String, limits: JSON.Limits = .init(bytes: Limits.tokenSize)
    ) throws(JOSEError) -> (anchor: TrustAnchor, claims: JSON.Value) {
        let jws = try CompactJWS(token)
        guard jws.type?.isSame(as: type) == true else { throw JOSEError("typ", "typ is not \(type)") }
        guard !jws.bringsKey else { throw JOSEError("header", "its header brings a key: it must not") }
        guard let keyID = jws.keyID else { throw JOSEError("untrusted", "it has no kid") }
        let named = (named[keyID.exact] ?? []).filter { $0.domain != nil }
        guard let key = named.first?.key, jws.isSigned(by: key) else {
            throw JOSEError("untrusted", "no trusted key signed it")
        }
        let claims = try jws.payload(limits: limits).root
        guard let issuedAt = claims["iat"]?.int else { throw JOSEError("claims", "iat is missing") }
        guard
            let anchor = named.first(where: { claims["iss"]?.equals($0.issuer) == true })
        else { throw JOSEError("untrusted", "iss is not the trust domain whose key signed it") }
        // Callers that need a key to be valid now check its end themselves: a tombstone is valid for as long as it is
        // kept.
        if anchor.revokedAt != nil { throw JOSEError("untrusted", "the key that signed it is revoked") }
        if let retiredAt = anchor.retiredAt, Int64(issuedAt) > retiredAt {
            throw JOSEError("untrusted", "it is dated after the key that signed was retired")
        }
        return (anchor, claims)
    }
}
