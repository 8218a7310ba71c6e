import AgentID
import StrictJSON

/// The result of verifying a chain, beyond its own claims.
enum ChainVerdict {
    /// No trusted keys were given.
    case decoded
    /// - Parameters:
    ///   - registry: Whether revocations and leases were checked too.
    ///   - issuer: The authority that vouches for the root's names.
    case verified(registry: Bool, issuer: ChainIssuer)
    case denied(Denial)

    init(of chain: [UInt8], _ trust: TrustedKeys) throws {
        guard trust.isGiven else {
            self = .decoded
            return
        }
        var options = Guard.Options()
        (options.audit, options.judgesChainAudience) = (.none, false)
        // It is shown no proof.
        (options.acceptsProofsWithoutAudience, options.sharesReplayMemory) = (true, false)
        let guardian = try trust.makeGuard(options)
        do throws(Denial) {
            let admission = try guardian.admit(chain: chain)
            self = .verified(registry: trust.authority != nil, issuer: admission.issuer)
        } catch { self = .denied(error) }
    }

    var isVerified: Bool { if case .verified = self { true } else { false } }

    var title: String {
        switch self {
        case .decoded: "DECODED, NOT VERIFIED: never decide by this, see agentidctl verify"
        case .verified(let registry, _): "verified" + (registry ? "" : "; revocations and leases are not known")
        case .denied(let denial): "DENIED: \("\(denial)"); what follows is decoded, not verified"
        }
    }

    /// The decoded chain with the result of verification.
    func document(of tree: JSONTree) -> JSONTree {
        guard case .object(var members) = tree else { return tree }
        members["verified"] = .bool(isVerified)
        switch self {
        case .decoded: break
        case .verified(_, let issuer): members["issuer"] = issuer.tree
        case .denied(let denial): members["denial"] = .object(denial.members)
        }
        return .object(members)
    }

    /// The domain whose registry was asked.
    var home: String? { if case .verified(_, let issuer) = self { issuer.home?.name } else { nil } }

    /// A name in the root, followed by the domain that vouches for it if that was verified and is another one.
    func says(_ text: String) -> String {
        if case .verified(_, let issuer) = self { issuer.says(text).string } else { text }
    }
}
