internal import Policy
internal import StrictJSON

// Calls that wait for people's consent: see `docs/approvals.md`.
extension Authority {
    /// The requests that have not lapsed, oldest first; at most 1024.
    public func approvals() throws(AgentIDError) -> [ApprovalRequest] {
        try keys.checkOpen()
        let now = home.meterTime(try clock.now())
        try lifecycle.removeLapsedApprovals(now: now, opening: true)
        return try registry.read { registry in
            try registry.approvals(limit: ApprovalRecord.most).filter { $0.expires > now }.map { ApprovalRequest($0) }
        }
    }

    /// One request.
    ///
    /// - Throws: `approval` where there is none of this ID: it has lapsed, its call was made, or its agent ended.
    public func approval(_ id: String) throws(AgentIDError) -> ApprovalRequest {
        try keys.checkOpen()
        let now = home.meterTime(try clock.now())
        return ApprovalRequest(try registry.read { try $0.approval(id, at: now) })
    }

    /// The consent of one person to a request, signed with their key: for `approve(_:token:)`, on this machine or on
    /// another one.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - approver: the person's name in the policy.
    ///   - signer: their key.
    public func approvalToken(
        for request: ApprovalRequest, by approver: String, with signer: any Signer
    ) throws(AgentIDError) -> String {
        try ApprovalToken.make(
            over: request.call, by: approver, with: signer, at: home.meterTime(try clock.now()), until: request.expires)
    }

    /// Approves a request: the very same call is permitted once, as soon as enough people have approved it for its rule.
    ///
    /// - Parameters:
    ///   - id: The request's ID.
    ///   - token: `agentid-approval+jwt`, signed by an approver that the rule names, over exactly this request.
    /// - Returns: whether it is approved now; `false`: it waits for more people.
    /// - Throws: where the token is not valid or not from somebody who may approve, and `approval_decided` where the
    ///   request is, or this approver has approved it before.
    @discardableResult
    public func approve(_ id: String, token: String) throws(AgentIDError) -> Bool {
        try keys.checkOpen()
        try lifecycle.checkWhole()
        let now = home.meterTime(try clock.now())
        let view = view
        let isApproved = try lifecycle.write { registry in
            var record = try registry.approval(id, at: now)
            let request = ApprovalRequest(record)
            guard record.state == .pending else {
                throw AgentIDError.approvalDecided("it was \(record.state.rawValue)")
            }
            guard let policy = try ActivePolicy(of: registry, version: try registry.meta().policyVersion),
                policy.version == request.policy,
                let rule = policy.document.rules.first(where: { $0.id.string.isSame(as: request.rule) }),
                let approval = rule.approval
            else { throw AgentIDError.approvalDecided("another policy is in force since it was asked") }
            let call = request.call.canonical()
            let given = try ApprovalToken(
                verifying: Array(token.utf8), of: call, by: policy.approvers, named: approval.approvers, now: now / 1000
            ).approver
            func isRevoked(_ approver: ApproverKeys.Entry) -> Bool {
                view.revocations.first(of: approver.revocable) != nil
            }
            func isAgent(_ approver: ApproverKeys.Entry) throws(AgentIDError) -> Bool {
                try approver.isAgent(of: request.chain, keys: request.keys, in: registry)
            }
            guard !isRevoked(given) else {
                throw AgentIDError(
                    .state, name: "approver_revoked", message: "the approver, or the key, was revoked", at: "token")
            }
            guard try !isAgent(given) else {
                throw AgentIDError(
                    .state, name: "approver_is_agent",
                    message: "\(given.name) is an agent of the call or below its root, or has a key that holds a link "
                        + "of the call's chain or is an agent's: somebody else must approve it", at: "token")
            }
            guard !request.approvedBy.contains(where: { $0.isSame(as: given.name.string) }) else {
                throw AgentIDError.approvalDecided("\(given.name) has approved it already")
            }
            record.tokens.append(token)
            // Some who approved it before may not any more.
            let isApproved = try ApprovalDesk.isApproved(record, of: call, under: approval, of: policy, now: now) {
                approver throws(AgentIDError) in isRevoked(approver) ? false : try !isAgent(approver)
            }
            if isApproved { (record.state, record.arguments) = (.approved, nil) }
            try registry.put(record)
            try lifecycle.tell(.approved, of: record, by: given.name.string, at: now, in: registry)
            return isApproved
        }
        lifecycle.hooks.wake()
        return isApproved
    }

    /// Signs an approval and gives it: see `approve(_:token:)`.
    @discardableResult
    public func approve(_ id: String, by approver: String, with signer: any Signer) throws(AgentIDError) -> Bool {
        let request = try approval(id)
        return try approve(id, token: try approvalToken(for: request, by: approver, with: signer))
    }

    /// Refuses a request, also one that some have approved: the call is denied until the request lapses.
    ///
    /// - Parameters:
    ///   - id: The request's ID.
    ///   - approver: One of those whom the rule names. Not signed: whoever holds the authority can end an agent
    ///     altogether.
    public func refuse(_ id: String, by approver: String) throws(AgentIDError) {
        try keys.checkOpen()
        try lifecycle.checkWhole()
        let now = home.meterTime(try clock.now())
        try lifecycle.write { registry in
            var record = try registry.approval(id, at: now)
            guard record.state != .refused else { throw AgentIDError.approvalDecided("it was refused") }
            guard ApprovalRequest(record).approvers.contains(where: { $0.isSame(as: approver) }) else {
                throw AgentIDError(
                    .argument, name: "approver_unknown", message: "the rule does not name this approver: see `of`",
                    at: "approver")
            }
            (record.state, record.arguments, record.refusedBy) = (.refused, nil, approver)
            try registry.put(record)
            try lifecycle.tell(.refused, of: record, by: approver, at: now, in: registry)
        }
        lifecycle.hooks.wake()
    }

    /// Decides requests by a callback as they come, and signs for one approver. The callback runs on a thread of its own,
    /// one at a time; requests that came before it was registered are decided as well, after a restart too.
    ///
    /// - Parameters:
    ///   - approver: their name in the policy, a URI.
    ///   - signer: their key.
    ///   - decide: `true` approves, `false` refuses, `nil` leaves the request to others. If it throws, it is asked again
    ///     later.
    public func onApproval(
        by approver: String, with signer: any Signer,
        decide: @escaping @Sendable (ApprovalRequest) throws -> Bool?
    ) throws(AgentIDError) {
        try URI.check(approver, at: "approver")
        let name = "approval-\(signer.publicKey.thumbprint)"
        try add(
            Hook(
                name, on: [.approval], deadline: 300,
                action: .callback { [weak self] event in
                    let asked = try JSON(parsing: event).root["approval"]
                    guard asked?["state"]?.equals("asked") == true, let id = asked?["id"]?.string else { return }
                    try self?.consider(id, by: approver, with: signer, decide: decide)
                }))
        // What was asked before comes to the callback as if it were asked now.
        let waiting = try approvals().filter { $0.state == .pending }
        let now = home.meterTime(try clock.now())
        try registry.write { registry in
            for request in waiting {
                let event: JSONTree = ["approval": ["id": .string(request.id), "state": "asked"]]
                try registry.enqueue(
                    hook: name, agent: request.agent, event: LifecycleEvent.Name.approval.rawValue, payload: event.text,
                    source: "", at: now)
            }
        }
        lifecycle.hooks.wake()
    }

    /// Has a callback decide one request, if that is still to be decided by this approver.
    private func consider(
        _ id: String, by approver: String, with signer: any Signer, decide: (ApprovalRequest) throws -> Bool?
    ) throws {
        // One that is gone, or decided, is nobody's business any more.
        guard let request = try? approval(id), request.state == .pending,
            request.approvers.contains(where: { $0.isSame(as: approver) }),
            !request.approvedBy.contains(where: { $0.isSame(as: approver) }),
            let isApproved = try decide(request)
        else { return }
        do {
            if isApproved {
                try approve(id, by: approver, with: signer)
            } else {
                try refuse(id, by: approver)
            }
        } catch {
            // Decided meanwhile.
            guard error.name.isSame(as: "approval_decided") || error.name.isSame(as: "approval") else { throw error }
        }
    }

    /// Waits until a request is decided, has lapsed or is gone, or some time has passed. Holds no lock.
    ///
    /// A request is gone with its policy: each new version asks anew.
    ///
    /// - Parameters:
    ///   - id: The request's ID.
    ///   - milliseconds: The longest wait; 0 or less: none.
    /// - Returns: the state; `nil` where the request is gone.
    public func waitForApproval(_ id: String, milliseconds: Int64) throws(AgentIDError) -> ApprovalRequest.State? {
        try keys.checkOpen()
        return try lifecycle.waitForApproval(id, milliseconds: milliseconds).map { ApprovalRequest.State($0) }
    }
}

extension AgentIDError {
    fileprivate static func approvalDecided(_ why: String) -> AgentIDError {
        AgentIDError(
            .state, name: "approval_decided", message: "this request takes no approval any more: \(why)", at: "id")
    }
}
