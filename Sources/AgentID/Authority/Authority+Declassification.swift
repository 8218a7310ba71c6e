internal import Policy
internal import StrictJSON

// Labels are taken away from an agent by people alone: see `docs/labels.md`.
extension Authority {
    /// Asks those whom the policy names to take labels away from an agent: a rule of it `declassifies` all of them, and its
    /// `approval` says who. They decide as about a call, by `approve(_:token:)` or `refuse(_:by:)`; then
    /// `declassify(_:)` takes the labels away.
    ///
    /// - Parameters:
    ///   - agent: Its ID; it may be suspended, so that it learns nothing while they decide. Of a root, or an isolated
    ///     agent, these are the labels of all its task; of another sub-agent those of its own.
    ///   - labels: As the policy names them.
    /// - Returns: The request's ID; for the very same agent and labels that of the one that waits already.
    /// - Throws: `unknown_label`; `not_declassifiable` where no rule lets people take all these labels away.
    public func askToDeclassify(agent: String, labels: [String]) throws(AgentIDError) -> String {
        try keys.checkOpen()
        try lifecycle.checkWhole()
        _ = try registry.read { try lifecycle.active(agent, orSuspended: true, in: $0) }
        switch try home.declassification(of: labels, from: agent).consent() {
        case .success(let record): return record.id
        case .failure(let denial):
            guard let request = denial.approval else { throw AgentIDError(undone: denial) }
            return request
        }
    }

    /// Takes labels away from an agent, where as many people have approved that as the policy wants: once.
    ///
    /// When this returns no guard of the directory finds them kept, and the event stands on the disk. Grants that were signed
    /// before say them until they are made anew: at once for an agent that is held here, at half their life elsewhere. Grants
    /// and agents below keep theirs.
    ///
    /// - Parameter request: the ID that `askToDeclassify(agent:labels:)` returned.
    /// - Throws: `approval_required` where it waits, was refused, or somebody who approved may not any more; `approval` where
    ///   there is no such request, also the second time; `labels_above` where agents above have a label.
    public func declassify(_ request: String) throws(AgentIDError) {
        let asked = try approval(request)
        try lifecycle.checkWhole()
        let agent = asked.agent
        guard let labels = asked.declassified else {
            throw AgentIDError(
                .argument, name: "approval_other_call", message: "this request is about a call, not about labels",
                at: "request")
        }
        let taking = try home.declassification(of: labels, from: agent)
        // Under another policy, by another rule, or of an agent of another chain, nobody was asked.
        guard taking.question.call.digest.isSame(as: asked.record.call), case .success(let record) = taking.consent()
        else {
            throw AgentIDError(
                .state, name: "approval_required",
                message: "not enough of those who may have approved that these labels are taken away", at: "request")
        }
        try taking.take(by: record) { try $0.declassify(labels, of: agent) }
        lifecycle.hooks.wake()
        if let held = lifecycle.leases.agents().first(where: { $0.id.isSame(as: agent) })?.agent {
            held.declassify(labels)
            _ = lifecycle.renewGrants()
        }
    }
}

extension ApprovalRequest {
    /// The labels that it asks to take away; `nil` where it is about a call.
    fileprivate var declassified: [String]? {
        (try? JSON(parsing: record.document))?.root["call"]?["declassifies"]?.elements.compactMap(\.string)
    }
}

/// Labels about to be taken away from an agent, and people's consent to that.
private final class Declassification {
    let question: ApprovalQuestion
    private let guardian: Guard
    private let meters: LabelMeters
    private let page: MetersPage
    private let now: Int64

    init(_ question: ApprovalQuestion, _ guardian: Guard, _ meters: LabelMeters, _ page: MetersPage, now: Int64) {
        (self.question, self.guardian, self.meters, self.page, self.now) = (question, guardian, meters, page, now)
    }

    func consent() -> Result<ApprovalRecord, Denial> {
        Result { () throws(Denial) in try guardian.consent(to: question, now: now) }
    }

    /// Uses what was approved, then takes the labels away from where they are kept.
    func take(
        by record: ApprovalRecord, also write: (any RegistryWriter) throws -> Void
    ) throws(AgentIDError) {
        let granted = try granted()
        let (time, stays): (MeterTime, LabelSet)
        do throws(Denial) {
            time = try page.look(now)
            stays = try meters.above(of: question.call.agent, at: time).union(granted).intersection(question.labels)
        } catch { throw AgentIDError(undone: error) }
        guard stays.isEmpty else {
            throw AgentIDError(
                .state, name: "labels_above",
                message: "agents above have the labels \(question.policy.document.labels.text(stays)): take them away "
                    + "there first", at: "agent")
        }
        do throws(Denial) {
            try guardian.desk?.use([record], now: time.milliseconds, also: write)
            try meters.lower(question.labels, of: question.call.agent, at: time)
        } catch { throw AgentIDError(undone: error) }
    }

    /// Those that the present grant of the agent above says: the next one of this agent says them as well.
    private func granted() throws(AgentIDError) -> LabelSet {
        let above = question.chain.links.prefix { $0.grant.claim?.agent.isSame(as: question.call.agent) != true }.last
        guard let claim = above?.grant.claim else { return [] }
        let agent = claim.agent ?? ""
        let present = try guardian.view?.registry.read { try $0.lastGrants(of: [agent]).first } ?? nil
        let labels = try present.map { record throws(AgentIDError) in
            try HeldGrant(reading: Array(record.chain.utf8)).grant.claim?.labels ?? []
        }
        return question.policy.labels(carriedAs: labels ?? claim.labels)
    }
}

extension Guard {
    /// The labels to be taken away, by the grant that the agent was given last.
    fileprivate func declassification(
        of labels: [String], from agent: String
    ) throws(AgentIDError) -> Declassification {
        let labels = Claim.labels(labels)
        let shown: JSONTree = ["agent": .string(agent), "labels": .array(labels.map { .string($0) })]
        let undeclassifiable = AgentIDError(
            .state, name: "not_declassifiable",
            message: "no rule of the policy lets people take these labels away: add one with declassifies and approval",
            at: "labels")
        guard let view, let meters, let asked = try? JSON(parsing: shown.canonical()).root,
            let grant = try view.registry.read({ try $0.lastGrants(of: [agent]).first }) ?? nil
        else { throw undeclassifiable }
        let (now, chain, plan): (Int64, VerifiedChain, PolicyPlan?)
        do throws(Denial) {
            now = try begin()
            chain = try verifyAnew(Array(grant.chain.utf8), now: now)
            plan = try self.plan(of: chain)?.object
        } catch { throw AgentIDError(undone: error) }
        guard let policy = plan?.policy, let subjects = plan?.subjects, !labels.isEmpty else { throw undeclassifiable }
        let wanted = try policy.labels(named: labels)
        let rule = policy.document.rules.first {
            if case .declassification(let taken) = $0.effect { taken.isSuperset(of: wanted) } else { false }
        }
        guard let rule else { throw undeclassifiable }
        do throws(Denial) {
            let page = try meters.page(now)
            return Declassification(
                ApprovalQuestion(declassifying: wanted, asked, under: chain, rule: rule, of: policy), self,
                LabelMeters(of: subjects, page, meters.registry), page, now: now)
        } catch { throw AgentIDError(undone: error) }
    }
}
