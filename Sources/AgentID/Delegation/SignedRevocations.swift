internal import JOSE
internal import StrictJSON

/// A list of what an authority has revoked, signed by it: for guards that cannot read its registry.
///
/// A compact JWS of `typ` `agentid-revocations+jwt`: `iss`, `iat`, `exp`, `seq` and `revoked`, an object with a list of
/// names for each kind.
public struct SignedRevocations: Sendable {
    /// The longest list, in bytes.
    public static let longest = 8 << 20
    /// The most revocations of a list.
    public static let most = 1 << 17
    /// The longest time that a list is good for, in seconds: 30 days.
    public static let longestLifetime: Int64 = 30 * 86_400

    /// The trust domain whose authority signed it, and whose chains alone it is about.
    public let trustDomain: TrustDomain
    /// The registry's sequence that it was made at: a later list has no lower one.
    public let sequence: Int64
    /// When it was made, in seconds since 1970.
    public let issued: Int64
    /// Until when it is good, in seconds since 1970.
    public let expires: Int64
    /// The key that signed it, as its thumbprint.
    public let key: String
    /// The revocations, by kind and name.
    public let revocations: [Revocation]

    /// Verifies a list; nothing of its content is read before the signature is.
    ///
    /// - Parameter now: in seconds since 1970.
    init(verifying token: [UInt8], anchors: TrustAnchors, now: Int64) throws(AgentIDError) {
        guard token.count <= Self.longest else {
            throw AgentIDError(
                .limit, name: "revocations_size",
                message: "the list has \(token.count) bytes, and \(Self.longest) at most", at: "list")
        }
        let (anchor, claims): (TrustAnchor, JSON.Value)
        do throws(JOSEError) {
            let limits = JSON.Limits(bytes: Self.longest, depth: 8, values: Self.most + 256)
            (anchor, claims) = try anchors.claims(of: token, type: TokenType.revocations, limits: limits)
        } catch { throw Self.refusal("the list is not valid: \(error.description)") }
        guard let domain = anchor.domain, let issued = claims["iat"]?.int, let expires = claims["exp"]?.int,
            let sequence = claims["seq"]?.int, sequence >= 0, issued >= 0, expires > issued,
            let kinds = claims["revoked"], kinds.kind == .object
        else { throw Self.refusal("iat, exp, seq or revoked is missing or not of its type") }
        (trustDomain, self.sequence, self.issued, self.expires) = (
            domain, Int64(sequence), Int64(issued), Int64(expires)
        )
        key = anchor.thumbprint
        if let denial = anchor.denial(ofStatementFrom: self.issued, at: now, link: nil) {
            throw Self.refusal("the list is not valid: \(denial.message)")
        }
        guard self.issued <= now + Limits.issuedAtSkew else { throw Self.refusal("the list is dated in the future") }
        guard self.expires - self.issued <= Self.longestLifetime else {
            throw Self.refusal("the list is good for more than \(Self.longestLifetime / 86_400) days")
        }
        guard self.expires > now else {
            throw AgentIDError(
                .state, name: "revocations_expired",
                message: "the list expired \(now - self.expires) s ago: get a newer one", at: "list.exp")
        }
        revocations = try Self.revocations(kinds)
    }

    private static func revocations(_ kinds: JSON.Value) throws(AgentIDError) -> [Revocation] {
        var found: [Revocation] = []
        for member in kinds.members {
            // An unknown kind would be left in force.
            guard let kind = Revocation.Kind(name: member.name.string ?? ""), member.value.kind == .array else {
                throw refusal("revoked has a member that is not a list of one of the kinds of revocations")
            }
            for value in member.value.elements {
                guard let name = value.string, let revocation = try? Revocation(kind, name) else {
                    throw refusal("revoked.\(kind.name) has a value that names no such thing")
                }
                found.append(revocation)
            }
        }
        return found
    }

    static func refusal(_ message: String) -> AgentIDError {
        AgentIDError(.malformed, name: "revocations", message: message, at: "list")
    }

    /// Signs a list. `issued` and `expires` in seconds since 1970.
    static func issue(
        _ revocations: [Revocation], of domain: TrustDomain, sequence: Int64, issued: Int64, expires: Int64,
        by signer: any Signer
    ) throws(AgentIDError) -> String {
        var kinds: JSONTree.Members = [:]
        for kind in Revocation.Kind.allCases {
            let names = revocations.filter { $0.kind == kind }.map(\.value.exact).inOrder()
            if !names.isEmpty { kinds[kind.name] = .array(names.map { .string($0.string) }) }
        }
        let token = try signer.token(
            type: TokenType.revocations, keyID: signer.keyID,
            payload: [
                "iss": .string(domain.issuer), "iat": .int(Int(issued)), "exp": .int(Int(expires)),
                "seq": .int(Int(sequence)), "revoked": .object(kinds),
            ])
        guard revocations.count <= most, token.count <= longest else {
            throw AgentIDError(
                .limit, name: "revocations_size",
                message:
                    "\(revocations.count) revocations are still needed, and a list has \(most) and \(longest) bytes "
                    + "at most: let guards follow the registry")
        }
        return String(decoding: token, as: UTF8.self)
    }
}
