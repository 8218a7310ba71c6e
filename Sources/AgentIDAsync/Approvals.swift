public import AgentID

// Calls that wait for people: see `docs/approvals.md`. No thread waits with them, so that any number of tasks may.
extension Agent {
    /// Decides one call of this agent as `check` does; where it needs approval, waits for that and tries again.
    ///
    /// - Parameters:
    ///   - tool: The tool.
    ///   - arguments: A JSON object.
    ///   - milliseconds: The longest wait; 0 or less: none. A task that is cancelled waits no longer.
    public func check(
        tool: String, arguments: [UInt8], waiting milliseconds: Int64
    ) async throws(AgentIDError) -> Decision {
        let end = ContinuousClock.now + .milliseconds(max(0, milliseconds))
        while true {
            let decision = try await checkDurably(tool: tool, arguments: arguments)
            guard decision.approval != nil, decision.denial?.reason.rawValue == "approval_required" else {
                return decision
            }
            let (seconds, attoseconds) = (end - ContinuousClock.now).components
            let left = seconds.multipliedReportingOverflow(by: 1000)
            let stillWaits = try await Looking.for(
                milliseconds: left.overflow ? .max : left.partialValue + attoseconds / 1_000_000_000_000_000,
                { () throws(AgentIDError) in try isPending(decision) }, until: { !$0 })
            // One rule after another may ask; what was refused or has lapsed is said by the next decision.
            guard !stillWaits else { return decision }
        }
    }

    /// Permits one call, waiting for approval where it needs that; throws what denies it in the end.
    @discardableResult
    public func authorize(
        tool: String, arguments: [UInt8], waiting milliseconds: Int64
    ) async throws(NotPermitted) -> Permit {
        let decision: Decision
        do throws(AgentIDError) {
            decision = try await check(tool: tool, arguments: arguments, waiting: milliseconds)
        } catch { throw .failed(error) }
        guard let permit = decision.permit else { throw .denied(decision) }
        return permit
    }
}

extension Authority {
    /// The requests that have not lapsed, oldest first; at most 1024.
    public func approvals() async throws(AgentIDError) -> [ApprovalRequest] {
        try await WaitingThreads.run { () throws(AgentIDError) in try approvals() }
    }

    /// One request.
    public func approval(_ id: String) async throws(AgentIDError) -> ApprovalRequest {
        try await WaitingThreads.run { () throws(AgentIDError) in try approval(id) }
    }

    /// The consent of one person to a request, signed with their key: for `approve(_:token:)`.
    public func approvalToken(
        for request: ApprovalRequest, by approver: String, with signer: any Signer
    ) async throws(AgentIDError) -> String {
        try await WaitingThreads.run { () throws(AgentIDError) in
            try approvalToken(for: request, by: approver, with: signer)
        }
    }

    /// Approves a request: the very same call is permitted once. Returns whether it is approved; `false`: it waits for more
    /// people.
    @discardableResult
    public func approve(_ id: String, token: String) async throws(AgentIDError) -> Bool {
        try await WaitingThreads.run { () throws(AgentIDError) in try approve(id, token: token) }
    }

    /// Signs an approval and gives it: see `approve(_:token:)`.
    @discardableResult
    public func approve(
        _ id: String, by approver: String, with signer: any Signer
    ) async throws(AgentIDError) -> Bool {
        try await WaitingThreads.run { () throws(AgentIDError) in try approve(id, by: approver, with: signer) }
    }

    /// Refuses a request, also one that some have approved: the call is denied until the request lapses.
    public func refuse(_ id: String, by approver: String) async throws(AgentIDError) {
        try await WaitingThreads.run { () throws(AgentIDError) in try refuse(id, by: approver) }
    }

    /// Decides requests by async code as they come, one at a time, and signs for one approver.
    ///
    /// - Parameters:
    ///   - approver: their name in the policy.
    ///   - signer: their key.
    ///   - decide: `true` approves, `false` refuses, `nil` leaves the request to others. If it throws, it is asked again
    ///     later; after five minutes its task is cancelled, and it is asked again.
    public func onApproval(
        by approver: String, with signer: any Signer,
        decide: @escaping @Sendable (ApprovalRequest) async throws -> Bool?
    ) async throws(AgentIDError) {
        try await WaitingThreads.run { () throws(AgentIDError) in
            try onApproval(by: approver, with: signer) { request in
                try AsyncCall { try await decide(request) }.result(milliseconds: 300_000)
            }
        }
    }

    /// Waits until a request is decided, has lapsed or is gone, or some time has passed.
    ///
    /// - Parameters:
    ///   - id: The request's ID.
    ///   - milliseconds: The longest wait; 0 or less: none. A task that is cancelled waits no longer.
    /// - Returns: the state; `nil` where the request is gone.
    public func waitForApproval(
        _ id: String, milliseconds: Int64
    ) async throws(AgentIDError) -> ApprovalRequest.State? {
        try await Looking.for(
            milliseconds: milliseconds, { () throws(AgentIDError) in try waitForApproval(id, milliseconds: 0) },
            until: { $0 != .pending })
    }

    /// Asks those whom the policy names to take labels away from an agent; returns the request's ID.
    public func askToDeclassify(agent: String, labels: [String]) async throws(AgentIDError) -> String {
        try await WaitingThreads.run { () throws(AgentIDError) in try askToDeclassify(agent: agent, labels: labels) }
    }

    /// Takes labels away from an agent, where as many people have approved that as the policy wants: once.
    public func declassify(_ request: String) async throws(AgentIDError) {
        try await WaitingThreads.run { () throws(AgentIDError) in try declassify(request) }
    }
}
