internal import Glibc
internal import JOSE
internal import StrictJSON

extension RegistryReader {
    /// A request that has not lapsed; throws where there is none.
    func approval(_ id: String, at now: Int64) throws(AgentIDError) -> ApprovalRecord {
        guard let found = try approval(id), found.expires > now else {
            throw AgentIDError(
                .notFound, name: "approval",
                message:
                    "there is no such request: it lapsed, its call was made, its agent ended, or the ID is not whole",
                at: "id")
        }
        return found
    }
}

extension Lifecycle {
    /// The time that requests and periods go by, in milliseconds: the directory's, which no wrong clock moves; `nil` where it
    /// cannot be read.
    func meterTime(_ now: Int64, opening isOpening: Bool) -> Int64? {
        let meters = meters.found(MetersOpening.self)
        return meters == nil ? now : meters?.time(now, opening: isOpening)
    }

    /// Removes the requests that have lapsed, with their arguments' values: by the directory's clock, which no wrong one moves.
    ///
    /// - Parameter isOpening: whether that may be waited for; otherwise nothing is removed where this process does not have it.
    func removeLapsedApprovals(now: Int64, opening isOpening: Bool) throws(AgentIDError) {
        guard let now = meterTime(now, opening: isOpening) else { return }
        // Read first: where none has, nobody waits for the disk.
        guard try registry.read({ try $0.hasApproval(lapsedBy: now) }) else { return }
        // Nor does a thread that others wait for.
        try registry.write(within: isOpening ? 10_000 : Self.longestTurn) { try $0.removeApprovals(lapsedBy: now) }
    }

    /// Records a decision for the log and for hooks.
    func tell(
        _ step: ApprovalStep, of request: ApprovalRecord, by approver: String, at now: Int64,
        in registry: any RegistryWriter
    ) throws(AgentIDError) {
        try ApprovalDesk.record(
            step, of: request, by: approver, at: now, isLogging: recorder.isLogging, in: registry)
        // Those that wait for the decision look when this moves.
        try registry.announce()
    }

    /// Waits until a request is decided or gone, or some time has passed.
    ///
    /// - Parameter isMoot: whether nothing comes of it any more; asked when something has changed.
    /// - Returns: `nil` where it is gone: also where another policy is in force by now, under which it is asked anew.
    func waitForApproval(
        _ id: String, milliseconds: Int64, unless isMoot: () -> Bool = { false }
    ) throws(AgentIDError) -> ApprovalRecord.State? {
        // By the machine's own time: an authority's clock may stand still.
        let start = MonotonicClock.sinceBoot
        while true {
            let changes = registry.changes
            let found = try registry.read { try $0.approval(id) }
            let policy = try registry.read { try $0.meta().policyVersion }
            guard let found, !hasLapsed(found), found.policy == policy, !isMoot() else { return nil }
            guard found.state == .pending else { return found.state }
            repeat {
                guard MonotonicClock.sinceBoot - start < milliseconds else { return .pending }
                usleep(5000)
            } while registry.changes == changes && !hasLapsed(found)
        }
    }

    private func hasLapsed(_ request: ApprovalRecord) -> Bool {
        let now = clock.milliseconds
        return request.expires <= meterTime(now, opening: true) ?? now
    }
}

extension Agent {
    /// As ``check(tool:arguments:)-(_,[UInt8])``; where the call needs approval it waits for that, and tries again.
    /// Holds no lock while it waits.
    ///
    /// - Parameters:
    ///   - tool: The tool.
    ///   - arguments: A JSON object.
    ///   - milliseconds: The longest wait; 0 or less: none.
    public func check(
        tool: String, arguments: [UInt8], waiting milliseconds: Int64
    ) throws(AgentIDError) -> Decision {
        let start = MonotonicClock.sinceBoot
        while true {
            let decision = try check(tool: tool, arguments: arguments)
            guard home != nil, decision.approval != nil, decision.denial?.reason.rawValue == "approval_required"
            else { return decision }
            let spent = MonotonicClock.sinceBoot - start
            // One rule after another may ask; what was refused or has lapsed, and what else denies by now, is said by the next
            // decision.
            guard spent < milliseconds, try !isPending(decision, milliseconds: milliseconds - spent)
            else { return decision }
        }
    }

    /// Whether a call of this agent still waits for people, after so long at most.
    package func isPending(_ decision: Decision, milliseconds: Int64 = 0) throws(AgentIDError) -> Bool {
        guard let home, let request = decision.approval else { return false }
        let guardian = home.guardian
        return try home.lifecycle.waitForApproval(request, milliseconds: milliseconds) {
            hasEnded || isParked || guardian.standing(of: decision.chain, at: guardian.clock.milliseconds) != nil
        } == .pending
    }

    /// Permits one call, waiting for approval where it needs that; throws what denies it in the end.
    @discardableResult
    public func authorize(
        tool: String, arguments: [UInt8], waiting milliseconds: Int64
    ) throws(NotPermitted) -> Permit {
        let decision: Decision
        do throws(AgentIDError) {
            decision = try check(tool: tool, arguments: arguments, waiting: milliseconds)
        } catch { throw .failed(error) }
        return try decision.permitted()
    }
}
