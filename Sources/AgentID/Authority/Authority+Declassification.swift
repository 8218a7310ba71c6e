internal import Policy
internal import StrictJSON

// Labels are taken away from an agent by people alone: see `docs/policies.md`.
extension Authority {
    /// Asks those whom the policy names to take labels away from an agent: a rule of it `declassifies` all of them, and its
    /// `approval` says who. They decide as about a call, by ``approve(_:token:)`` or ``refuse(_:by:)``; then
    /// ``declassify(_:)`` takes the labels away.
    ///
    /// - Parameters:
    ///   - agent: Its ID. Of a root, or an isolated agent, these are the labels of all its task; of another sub-agent those of
    ///     its own.
    ///   - labels: As the policy names them.
    /// - Returns: The request; for the very same agent and labels the one that waits already.
    /// - Throws: `unknown_label`; `not_declassifiable` where no rule lets people take all these labels away.
    public func askToDeclassify(agent: String, labels: [String]) throws(AgentIDError) -> ApprovalRequest {
        try keys.checkOpen()
        try lifecycle.checkWhole()
        let labels = Claim.labels(labels)
        let now = home.meterTime(try clock.now(), making: true)
        let asked = try lifecycle.write { registry in
            let record = try lifecycle.active(agent, in: registry)
            let (policy, rule) = try Self.rule(for: labels, in: registry)
            let call = ApprovalCall(
                declassifying: labels, of: try registry.lineage(of: record), rule: rule.id, policy: policy.version)
            if let known = try registry.approval(ofCall: call.digest), known.expires > now { return known }
            try registry.removeApprovals(lapsedBy: now)
            let counts = try registry.approvalCounts(of: call.task, at: now)
            guard counts.ofTask < ApprovalRecord.mostOfTask, counts.inAll < ApprovalRecord.most else {
                throw AgentIDError(
                    .limit, name: "approvals", message: "too much is asked about already: decide that first",
                    at: "agent")
            }
            let made = ApprovalQuestion.record(of: call, rule, because: "labels are to be taken away", record, at: now)
            try registry.put(made)
            try ApprovalDesk.record(
                .asked, of: made, at: now, isLogging: lifecycle.recorder.isLogging, in: registry)
            return made
        }
        lifecycle.hooks.wake()
        return ApprovalRequest(asked)
    }

    /// Takes labels away from an agent, where as many people have approved that as the policy wants: once.
    ///
    /// When this returns no guard of the directory finds them kept, and the event stands on the disk. Grants that were signed
    /// before say them until they are made anew: at once for an agent that is held here, at half their life elsewhere. Grants
    /// and agents below keep theirs.
    ///
    /// - Parameter request: the ID that ``askToDeclassify(agent:labels:)`` returned.
    /// - Throws: `approval_required` where it waits, was refused, or somebody who approved may not any more; `approval` where
    ///   there is no such request, also the second time; `labels_above` where agents above have a label.
    public func declassify(_ request: String) throws(AgentIDError) {
        try keys.checkOpen()
        try lifecycle.checkWhole()
        let now = home.meterTime(try clock.now())
        let view = view
        let asked = try registry.read { try $0.approval(request, at: now) }
        let (agent, labels) = try Self.asked(asked)
        // Refused before anything is used up, and found again below.
        let taking = try home.taking(labels, from: agent)
        try taking.check()
        try lifecycle.write { registry in
            let record = try registry.approval(request, at: now)
            _ = try lifecycle.active(agent, in: registry)
            let (policy, rule) = try Self.rule(for: labels, in: registry)
            guard
                try ApprovalDesk.isApproved(
                    record, by: rule, of: policy, now: now, in: registry,
                    isRevoked: {
                        view.revocations.first(of: $0) != nil
                    })
            else {
                throw AgentIDError(
                    .state, name: "approval_required",
                    message: "not enough of those who may have approved that these labels are taken away", at: "request"
                )
            }
            _ = try registry.removeApproval(request)
            try registry.declassify(labels, of: agent, at: clock.now() / 1000)
            try ApprovalDesk.record(
                .used, of: record, at: now, isLogging: lifecycle.recorder.isLogging, in: registry)
            try registry.announce()
        }
        lifecycle.hooks.wake()
        try taking.take()
        if let held = lifecycle.leases.agents().first(where: { $0.id.isSame(as: agent) })?.agent {
            held.declassify(labels)
            _ = lifecycle.renewGrants()
        }
    }

    private static func asked(_ record: ApprovalRecord) throws(AgentIDError) -> (agent: String, labels: [String]) {
        let call = (try? JSON(parsing: record.document))?.root["call"]
        guard let labels = call?["declassifies"]?.elements.compactMap(\.string), !labels.isEmpty else {
            throw AgentIDError(
                .argument, name: "approval_other_call", message: "this request is about a call, not about labels",
                at: "request")
        }
        return (record.agent, labels)
    }

    /// The first rule that lets people take all these labels away.
    private static func rule(
        for labels: [String], in registry: any RegistryReader
    ) throws(AgentIDError) -> (ActivePolicy, PolicyRule) {
        let policy = try ActivePolicy(of: registry, version: try registry.meta().policyVersion)
        guard let policy, !labels.isEmpty else { throw undeclassifiable }
        let wanted = try policy.labels(named: labels)
        for rule in policy.document.rules {
            if case .declassification(let taken) = rule.effect, taken.isSuperset(of: wanted) { return (policy, rule) }
        }
        throw undeclassifiable
    }

    private static let undeclassifiable = AgentIDError(
        .state, name: "not_declassifiable",
        message: "no rule of the policy lets people take these labels away: add one with declassifies and approval",
        at: "labels")
}

extension RegistryReader {
    /// An agent's ID and those above it, root first.
    fileprivate func lineage(of agent: AgentRecord) throws(AgentIDError) -> [String] {
        var (ids, next) = ([agent.id], agent.parent)
        while let parent = next, ids.count <= Limits.hardDepth {
            ids.append(parent)
            next = try self.agent(parent)?.parent
        }
        return ids.reversed()
    }
}

/// Labels about to be taken away from an agent, where the directory keeps them.
struct LabelTaking {
    let agent: String
    let labels: LabelSet
    let meters: LabelMeters?
    /// Those that the grants above say.
    let granted: LabelSet
    let time: MeterTime
    let names: LabelNames

    func check() throws(AgentIDError) {
        let above: LabelSet
        do throws(Denial) { above = try meters?.above(of: agent, at: time) ?? [] } catch {
            throw AgentIDError(undone: error)
        }
        let stays = above.union(granted).intersection(labels)
        guard stays.isEmpty else {
            throw AgentIDError(
                .state, name: "labels_above",
                message: "agents above have the labels \(names.text(stays)): take them away there first", at: "agent")
        }
    }

    func take() throws(AgentIDError) {
        do throws(Denial) { try meters?.lower(labels, of: agent, at: time) } catch { throw AgentIDError(undone: error) }
    }
}

extension Guard {
    /// Finds where an agent's labels are kept, by the grant that it was given last.
    fileprivate func taking(_ labels: [String], from agent: String) throws(AgentIDError) -> LabelTaking {
        guard let view, let meters, let grant = try view.registry.read({ try $0.lastGrants(of: [agent]).first }) ?? nil
        else {
            throw AgentIDError(.notFound, name: "agent", message: "the agent has no grant any more", at: "agent")
        }
        do throws(Denial) {
            let now = try begin()
            let chain = try verifyAnew(Array(grant.chain.utf8), now: now)
            guard let plan = try plan(of: chain)?.object else {
                throw Denial("policy_unreadable", "no policy is in force", at: "policy")
            }
            let page = try meters.page(now)
            let above = chain.links.prefix { $0.grant.claim?.agent.isSame(as: agent) != true }.last
            return LabelTaking(
                agent: agent, labels: plan.policy.labels(carriedAs: labels),
                meters: LabelMeters(of: plan.subjects, page, meters.registry),
                granted: plan.policy.labels(carriedAs: above?.grant.claim?.labels ?? []), time: try page.look(now),
                names: plan.policy.document.labels)
        } catch { throw AgentIDError(undone: error) }
    }
}

extension ApprovalDesk {
    /// Whether enough people approved a request to take labels away, under the policy in force.
    fileprivate static func isApproved(
        _ record: ApprovalRecord, by rule: PolicyRule, of policy: ActivePolicy, now: Int64,
        in reader: any RegistryReader, isRevoked: ([Revocation]) -> Bool
    ) throws(AgentIDError) -> Bool {
        let request = ApprovalRequest(record)
        // Asked under another policy, or of other people.
        guard record.state == .approved, request.policy == policy.version, request.rule.isSame(as: rule.id.string)
        else {
            return false
        }
        return try isApproved(
            record, over: request.call, by: rule, of: policy, chain: request.chain, keys: [], now: now, in: reader,
            isRevoked: isRevoked)
    }
}
