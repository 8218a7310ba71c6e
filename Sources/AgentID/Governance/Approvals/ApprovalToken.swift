internal import JOSE
internal import Policy
internal import StrictJSON

/// One person's consent to one call, signed: `agentid-approval+jwt`.
///
/// Claims: `iss` the approver's name, `iat`, `exp`, and `call`, what was asked, word for word. The header's `kid` is the
/// thumbprint of the approver's key.
struct ApprovalToken: Sendable {
    let approver: ApproverKeys.Entry

    /// The longest token that is read, in bytes: `call` has a tool's name and up to 16 agents'.
    static let longest = 1 << 16

    /// Signs a call. Times in milliseconds since 1970.
    static func make(
        over call: JSONTree, by name: String, with signer: any Signer, at now: Int64, until expires: Int64
    ) throws(AgentIDError) -> String {
        let end = expires / 1000 + (expires % 1000 > 0 ? 1 : 0)
        let payload: JSONTree = [
            "iss": .string(name), "iat": .int(Int(now / 1000)), "exp": .int(Int(end)), "call": call,
        ]
        return String(
            decoding: try signer.token(
                type: TokenType.approval, keyID: signer.publicKey.thumbprint, payload: payload), as: UTF8.self)
    }

    /// The approver that a token names, which was verified when it was taken in.
    static func claimedApprover(_ token: String) -> String {
        let claims = try? CompactJWS(Array(token.utf8)).payload(limits: JSON.Limits(bytes: Self.longest, depth: 16))
        return claims?.root["iss"]?.string ?? ""
    }

    /// Verifies a token as an approval of exactly one call. Nothing of it is read before its signature is verified.
    ///
    /// - Parameters:
    ///   - call: what was asked, in canonical form.
    ///   - now: in seconds since 1970.
    init(
        verifying token: [UInt8], of call: [UInt8], by approvers: ApproverKeys, named: [ExactText], now: Int64
    ) throws(AgentIDError) {
        func refuse(name: String, _ message: String) -> AgentIDError {
            AgentIDError(.malformed, name: name, message: message, at: "token")
        }
        guard token.count <= Self.longest else {
            throw refuse(name: "approval_malformed", "an approval has at most \(Self.longest) bytes")
        }
        let jws: CompactJWS
        do throws(JOSEError) { jws = try CompactJWS(token) } catch {
            throw refuse(name: "approval_malformed", error.description)
        }
        guard jws.type.isSame(as: TokenType.approval) else {
            throw refuse(name: "approval_malformed", "typ is not \(TokenType.approval): this is not an approval")
        }
        guard !jws.bringsKey else {
            throw refuse(name: "approval_malformed", "its header brings a key: leave jku, jwk, x5u and x5c out")
        }
        guard let approver = jws.keyID.flatMap({ approvers.entry(of: $0) }) else {
            throw refuse(
                name: "approver_unknown",
                "no approver in the policy has the key that signed (kid): add it, or sign with an approver's")
        }
        guard jws.isSigned(by: approver.key) else {
            throw refuse(name: "approval_signature", "the approver's key did not sign this approval")
        }
        self.approver = approver
        let claims: JSON.Value
        do throws(JOSEError) {
            claims = try jws.payload(limits: JSON.Limits(bytes: Self.longest, depth: 16)).root
        } catch { throw refuse(name: "approval_malformed", error.description) }
        guard claims["iss"]?.equals(approver.name.string) == true else {
            throw refuse(
                name: "approver_unknown",
                "the key that signed is \(approver.name)'s in the policy, but another approves (iss): approve as them")
        }
        guard named.contains(approver.name) else {
            throw refuse(name: "approver_unknown", "the rule does not name \(approver.name) as an approver")
        }
        var approved: [UInt8] = []
        claims["call"]?.appendCanonical(to: &approved)
        guard approved.span.hasSameBytes(as: call.span) else {
            throw refuse(name: "approval_other_call", "the approval is over another call or request")
        }
        guard let issued = claims["iat"]?.int, let expires = claims["exp"]?.int else {
            throw refuse(name: "approval_malformed", "iat or exp is missing, or not a whole number of seconds")
        }
        let begins: Int
        switch claims["nbf"] {
        case nil: begins = issued
        case .some(let date):
            guard let whole = date.int else {
                throw refuse(name: "approval_malformed", "nbf is not a whole number of seconds")
            }
            begins = max(issued, whole)
        }
        guard Int64(begins) <= now + Limits.issuedAtSkew, Int64(expires) > now else {
            throw refuse(name: "approval_expired", "the approval has expired, or is dated in the future")
        }
    }
}
