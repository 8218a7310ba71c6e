internal import StrictJSON

// Requests for approval in memory.
extension MemoryTables {
    func approval(_ id: String) -> ApprovalRecord? { small.approvals[id.exact] }

    func approval(ofCall call: String) -> ApprovalRecord? {
        small.approvals.values.first { $0.call.isSame(as: call) }
    }

    func approvals(limit: Int) -> [ApprovalRecord] {
        Array(small.approvals.values.inOrder { ($0.asked, $0.id.exact) < ($1.asked, $1.id.exact) }.prefix(limit))
    }

    func approvalCounts(of task: String, at time: Int64) -> (ofTask: Int, inAll: Int) {
        let waiting = small.approvals.values.filter { $0.expires > time }
        return (waiting.count { $0.task.isSame(as: task) }, waiting.count)
    }

    func approvalCount(ofPrincipal principal: String, at time: Int64) -> Int {
        small.approvals.values.count {
            $0.expires > time && $0.task.starts(exactly: "agent:")
                && (try? JSON(parsing: $0.document))?.root["principal"]?.string.isSame(as: principal) ?? false
        }
    }

    func hasApproval(lapsedBy time: Int64) -> Bool { small.approvals.values.contains { $0.expires <= time } }

    func put(_ approval: ApprovalRecord) {
        // One for each call.
        removeApprovals { $0.call.isSame(as: approval.call) && !$0.id.isSame(as: approval.id) }
        small.approvals[approval.id.exact] = approval
        isChanged = true
    }

    func removeApproval(_ id: String) -> Bool {
        guard small.approvals.removeValue(forKey: id.exact) != nil else { return false }
        isChanged = true
        return true
    }

    func removeApprovals(of agent: String) {
        removeApprovals { $0.agent.isSame(as: agent) || $0.agent.starts(exactly: "\(agent)/") }
    }

    func removeApprovals(lapsedBy time: Int64) { removeApprovals { $0.expires <= time } }

    private func removeApprovals(where isGone: (ApprovalRecord) -> Bool) {
        let count = small.approvals.count
        small.approvals = small.approvals.filter { !isGone($0.value) }
        if small.approvals.count != count { isChanged = true }
    }
}
