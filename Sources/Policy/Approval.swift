package import StrictJSON

/// Whose consent a call needs: all of one rule's `approval`.
package struct Approval: Sendable {
    /// The principals who may give it.
    package let approvers: [ExactText]
    /// The number of them who must.
    package let needed: Int
    /// The time after the question in which the call may be approved and made, in milliseconds.
    package let within: Int64

    init(parsing json: JSON.Value, at path: String) throws(PolicyError) {
        let reader = try MemberReader(json, at: path, knowing: ["of", "need", "within"])
        var approvers: [ExactText] = []
        let list = try reader.list(
            "of", remedy: "list who may approve, e.g. [\"user:cfo@acme.example\"]", atMost: PolicyLimits.approvers)
        for (value, path) in list {
            let approver = try MemberReader.text(
                value, at: path, remedy: "write who may approve as a text, e.g. \"user:cfo@acme.example\"",
                atMost: PolicyLimits.approver
            ).exact
            guard !approvers.contains(approver) else {
                throw PolicyError(
                    "duplicate", at: path, "this approver stands here twice", remedy: "remove one",
                    position: value.position)
            }
            approvers.append(approver)
        }
        self.approvers = approvers
        needed =
            try reader["need"] == nil
            ? 1
            : Int(
                reader.integer(
                    "need", in: 1...Int64(approvers.count),
                    remedy: "write how many of the \(approvers.count) in `of` must approve"))
        within = try reader["within"] == nil ? 15 * 60_000 : reader.duration("within")
    }
}
