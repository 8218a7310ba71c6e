import AgentID
import JOSE

/// What is known of a chain beyond what it says of itself.
enum ChainVerdict {
    /// Nobody said whom to trust.
    case decoded
    /// - Parameter registry: whether revocations and leases were looked at as well.
    case verified(registry: Bool)
    case denied(Denial)

    init(of chain: [UInt8], _ trust: TrustedKeys) throws {
        guard trust.isGiven else {
            self = .decoded
            return
        }
        var options = Guard.Options()
        options.audit = .none
        let guardian = try trust.makeGuard(options)
        do throws(Denial) {
            _ = try guardian.admit(chain: chain)
            self = .verified(registry: trust.authority != nil)
        } catch { self = .denied(error) }
    }

    var isVerified: Bool { if case .verified = self { true } else { false } }

    var title: String {
        switch self {
        case .decoded: "DECODED, NOT VERIFIED: never decide by this, see agentidctl verify"
        case .verified(let registry): "verified" + (registry ? "" : "; revocations and leases are not known")
        case .denied(let denial): "DENIED: \("\(denial)"); what follows is decoded, not verified"
        }
    }

    /// The decoded chain with what is known of it.
    func document(of tree: JSONTree) -> JSONTree {
        guard case .object(var members) = tree else { return tree }
        members["verified"] = .bool(isVerified)
        if case .denied(let denial) = self { members["denial"] = .object(denial.members) }
        return .object(members)
    }
}
