import AgentID
import JOSE
import StrictJSON

/// One `evaluate`: the trusted keys, the presentation, and this enforcement point's requirements beyond the defaults.
struct ConformQuestion {
    private let input: JSON.Value?

    init(_ question: JSON.Value) { input = question["input"] }

    func answer() -> Verdict {
        guard let input, input.kind == .object else { return .unreadable("evaluate has no input") }
        do {
            guard let now = input["now"]?.int else { throw Fault("input.now is not a whole number of seconds") }
            guard let tokens = try texts("tokens"), !tokens.contains(where: { $0.utf8.contains(UInt8(ascii: "~")) })
            else { throw Fault("input.tokens are not texts without ~") }
            let guardian = try Guard(options(at: Int64(now)))
            for anchor in input["trust_anchors"]?.elements ?? input.elements { trust(anchor, at: guardian) }
            let decision = guardian.check(
                chain: Array(tokens.joined(separator: "~").utf8), proof: Array(text("pop").utf8), tool: text("tool"),
                // A number is what its digits say: arguments are handed on as they came.
                arguments: input["args"]?.source ?? Array("{}".utf8))
            return Verdict(
                isPermitted: decision.isPermitted, reason: decision.denial?.reason.rawValue,
                explanation: decision.explanation)
        } catch { return .unreadable("\(error)") }
    }

    private func options(at now: Int64) throws -> Guard.Options {
        var options = Guard.Options()
        let (milliseconds, isBeyond) = now.multipliedReportingOverflow(by: 1000)
        options.clock = CallbackClock { isBeyond ? nil : milliseconds }
        // The corpus sets MAX_DELEGATION_DEPTH of its enforcement point to 8, the least that the draft allows.
        options.limits.depth = 8
        options.audience = input?["audience"]?.string
        let policy = input?["policy"]
        guard policy.map({ $0.kind == .object || $0.isNull }) ?? true else {
            throw Fault("input.policy is not an object")
        }
        options.acceptsProofsWithoutAudience = try !flag("require_pop_aud", of: policy)
        options.requiresChainAudience = try flag("require_chain_aud", of: policy)
        if let issued = policy?["nonce"], !issued.isNull {
            guard let nonce = issued.string else { throw Fault("input.policy.nonce is not a text") }
            (options.requiresNonce, options.nonces) = (true, IssuedNonce(nonce: nonce))
        }
        if let revoked = try texts("revoked_jti") {
            options.statuses = ListedStatuses(revoked: revoked, unknown: try texts("unknown_jti") ?? [])
        }
        if let bound = try texts("bound_subjects") {
            options.identities = ListedIdentities(bound: bound, unavailable: try texts("unavailable_subjects") ?? [])
        }
        return options
    }

    /// A key that cannot be used, or that names no issuer, is trusted for nothing.
    private func trust(_ anchor: JSON.Value, at guardian: Guard) {
        guard let jwk = anchor["jwk"], let issuer = anchor["iss"]?.string, let key = try? PublicKey(jwk: jwk)
        else { return }
        try? guardian.trust([key], issuer: issuer)
    }

    private func flag(_ name: String, of policy: JSON.Value?) throws -> Bool {
        guard let member = policy?[name], !member.isNull else { return false }
        guard let flag = member.bool else { throw Fault("input.policy.\(name) is not true or false") }
        return flag
    }

    private func text(_ name: String) -> String { input?[name]?.string ?? "" }

    private func texts(_ name: String) throws -> [String]? {
        guard let list = input?[name] else { return nil }
        let texts = list.elements.compactMap(\.string)
        guard list.kind == .array, texts.count == list.count else {
            throw Fault("input.\(name) is not an array of texts")
        }
        return texts
    }
}

/// The one nonce that the enforcement point of a question has issued.
private struct IssuedNonce: Nonces {
    let nonce: String
    func issue(at now: Int64) -> String { nonce }
    func accept(_ nonce: Span<UInt8>, at now: Int64) -> Bool {
        self.nonce.withUTF8Span { $0.hasSameBytes(as: nonce) }
    }
}

private struct ListedStatuses: StatusResolver {
    let revoked: [String]
    let unknown: [String]

    func status(ofGrant id: String) -> GrantStatus {
        if revoked.holds(id) { return .revoked }
        return unknown.holds(id) ? .unknown : .active
    }
}

private struct ListedIdentities: IdentityResolver {
    let bound: [String]
    let unavailable: [String]

    func binding(of subject: String, toKey thumbprint: String) -> SubjectBinding {
        if unavailable.holds(subject) { return .unavailable }
        return bound.holds(subject) ? .confirmed : .mismatch
    }
}
