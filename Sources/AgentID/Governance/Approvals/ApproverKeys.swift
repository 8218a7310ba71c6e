internal import JOSE
internal import Policy
internal import StrictJSON

/// Those who may approve, by the policy in force, with their keys.
struct ApproverKeys: Sendable {
    struct Entry: Sendable {
        let name: ExactText
        let key: PublicKey
        let thumbprint: String
    }

    let entries: [Entry]

    /// Nobody.
    init() { entries = [] }

    init(of document: PolicyDocument) throws(PolicyErrors) {
        var entries: [Entry] = []
        for (i, approver) in document.approvers.enumerated() {
            do throws(AgentIDError) { try URI.check(approver.name.string, at: "") } catch {
                throw PolicyErrors(
                    PolicyError(
                        "malformed", at: "approvers[\(i)].name", error.message,
                        remedy: "name a person as a principal is named, so that they can be revoked", position: nil))
            }
            do throws(JOSEError) {
                let key = try PublicKey(bytes: try Base64URL.decode(approver.key.string))
                guard key.isUsable else { throw JOSEError("key", "no signature verifies under this key") }
                entries.append(Entry(name: approver.name, key: key, thumbprint: key.thumbprint))
            } catch {
                throw PolicyErrors(
                    PolicyError(
                        "malformed", at: "approvers[\(i)].key", "this is not an Ed25519 public key",
                        remedy: "write the x of its JWK", position: nil))
            }
        }
        self.entries = entries
    }

    /// The key of a thumbprint.
    func entry(of thumbprint: String) -> Entry? { entries.first { $0.thumbprint.isSame(as: thumbprint) } }
}
