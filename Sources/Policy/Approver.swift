package import StrictJSON

/// A person, or a service, who may approve calls, with a key that signs approvals.
package struct Approver: Sendable {
    /// As rules name them, e.g. `user:cfo@acme.example`. One who has several keys stands once for each.
    package let name: ExactText
    /// The Ed25519 public key, base64url: the `x` of its JWK.
    package let key: ExactText

    /// Reads the document's list; none where the member is missing.
    static func list(of reader: MemberReader) throws(PolicyError) -> [Approver] {
        guard reader["approvers"] != nil else { return [] }
        let list = try reader.list(
            "approvers", remedy: "list who may approve, with their keys, or leave the member out",
            atMost: PolicyLimits.approverKeys)
        var approvers: [Approver] = []
        for (value, path) in list {
            let member = try MemberReader(value, at: path, knowing: ["name", "key"])
            let name = try member.text(
                "name", remedy: "write who approves, e.g. \"user:cfo@acme.example\"", atMost: PolicyLimits.approver)
            let remedy = "write the x of an Ed25519 key's JWK: 43 characters of base64url"
            let key = try member.text("key", remedy: remedy, atMost: 43).exact
            guard key.utf8.count == 43 else {
                throw member.error("malformed", "this is not an Ed25519 public key", remedy: remedy)
            }
            // One key under two names would be two people.
            guard !approvers.contains(where: { $0.key == key }) else {
                throw PolicyError(
                    "duplicate", at: "\(path).key", "this key stands here twice",
                    remedy: "give each approver a key of their own", position: value.position)
            }
            approvers.append(Approver(name: name.exact, key: key))
        }
        return approvers
    }
}
