internal import JOSE
internal import StrictJSON

/// A permitted call, from its decision until its outcome is known: what it costs, what its tool reports, how it went.
/// Safe to use from any thread.
///
/// It ends once, by ``commit(_:key:)``, ``abort(_:key:)``, or ``leave(failure:)``, which does one of the two if neither was
/// done. A call that never ends counts as having cost what was reserved for it, and its outcome is not recorded.
public final class Call: Sendable {
    /// The permit.
    public let permit: Permit
    private let guardian: Guard
    private let state: Locked<State>

    private struct State: Sendable {
        var account: CallAccount
        /// From then on what was reserved counts as spent, in milliseconds of the meters' time: no wrong clock spends money.
        var lapses: Int64
        var labels: [String] = []
        /// The keys of extensions that were made.
        var extended: Set<ExactText> = []
        var end: End?
    }

    private struct End: Sendable {
        let isFailure: Bool
        let key: String?
        let outcome: String
        let hasLapsed: Bool
        /// Whether all was settled and recorded: what failed is made up for by trying again.
        var isDone = false
    }

    /// The time within which a call ends, by itself and at most, in seconds.
    public static let (lapse, longestLapse): (Int64, Int64) = (3600, 2_592_000)

    private static let mostKeys = 10_000

    init(_ permit: Permit, of guardian: Guard, within seconds: Int64) throws(AgentIDError) {
        (self.permit, self.guardian) = (permit, guardian)
        let lapses = guardian.meterTime(guardian.clock.milliseconds) + 1000 * (try Self.checked(seconds))
        state = Locked(State(account: CallAccount(permit.decision.spending), lapses: lapses))
    }

    /// The decision, which permits.
    public var decision: Decision { permit.decision }

    /// Sets the cost of the call in a unit of the policy's budgets, replacing an earlier one. A unit that no budget counts
    /// changes nothing.
    ///
    /// When the call ends, the budget gets back what was reserved beyond the cost. A cost above the reservation is counted and
    /// recorded; if it exceeds the budget, later calls are denied.
    ///
    /// - Parameters:
    ///   - cost: Decimal digits, e.g. `12.40`.
    ///   - unit: E.g. `usd`.
    public func cost(_ cost: String, in unit: String) throws(AgentIDError) {
        try state.withLock { state throws(AgentIDError) in
            guard state.end == nil else { throw Self.ended }
            try state.account.tell(cost, in: unit)
        }
    }

    /// Adds labels of the policy to the call's task, for the data in the call's result. Every process of the directory sees
    /// them before this returns: call it before the result is used.
    ///
    /// If no policy names labels, they are only recorded, with the outcome.
    ///
    /// - Throws: `unknown_label`; `label_permits` for one that rules require; `context` for more than 64 of a call, or longer
    ///   than 256 bytes each; `call_ended` where they would only be recorded, and the outcome was; also if they cannot be
    ///   stored. On any error the result must not be used.
    public func labels(_ names: [String]) throws(AgentIDError) {
        guard !names.isEmpty else { return }
        // First: on an error nothing is raised.
        _ = try Self.adding(names, to: state.withLock { $0.labels })
        let areKept = try guardian.raise(names, of: decision)
        try state.withLock { state throws(AgentIDError) in
            guard areKept || state.end?.isDone != true else { throw Self.ended }
            state.labels = try Self.adding(names, to: state.labels)
        }
    }

    /// The labels with more of them, each once; throws where an entry of the log could not hold them.
    private static func adding(_ names: [String], to labels: [String]) throws(AgentIDError) -> [String] {
        var labels = labels
        for name in names where !labels.contains(where: { $0.isSame(as: name) }) {
            labels.append(name)
            try DelegationRequest.check(labels: labels, at: "labels")
        }
        try AuditBounds.check(labels: labels)
        return labels
    }

    /// Extends a long call: gives it more time, and reserves more in all budgets of a unit, or in none.
    ///
    /// - Parameters:
    ///   - amount: Decimal digits; `0` adds time only.
    ///   - unit: E.g. `usd`. If no budget counts it, nothing is reserved.
    ///   - seconds: The time from now in which the call ends: 1 to 2,592,000. A longer time that it has stays.
    ///   - key: Any text of 1 to 128 bytes. A second call with the same key reserves nothing: use it to try again safely.
    /// - Throws: As a decision, `budget_exhausted` if less is left, or why an agent of the call may no longer act: it was
    ///   suspended, revoked or ended meanwhile, or its lease lapsed. The call goes on with what it has.
    public func extend(
        by amount: String, in unit: String, within seconds: Int64 = lapse, key: String? = nil
    ) throws(NotPermitted) {
        let denial: Denial?
        do throws(AgentIDError) {
            try Self.check(key: key)
            let seconds = try Self.checked(seconds)
            // Before the lock: a caller's clock may call back.
            let now = guardian.clock.milliseconds
            if let refused = guardian.standing(of: decision.chain, at: now) {
                denial = refused
            } else {
                denial = try state.withLock { state throws(AgentIDError) in
                    try extend(&state, by: amount, in: unit, within: seconds, key: key, at: now)
                }
            }
        } catch { throw .failed(error) }
        guard let denial else { return }
        var decision = decision
        decision.denial = denial
        throw .denied(decision)
    }

    private func extend(
        _ state: inout State, by amount: String, in unit: String, within seconds: Int64, key: String?, at now: Int64
    ) throws(AgentIDError) -> Denial? {
        if let key, state.extended.contains(key.exact) { return nil }
        guard state.end == nil else { throw Self.ended }
        let time = guardian.meterTime(now)
        guard time < state.lapses else {
            throw AgentIDError(
                .state, name: "call_lapsed",
                message: "the call has lapsed, and what it reserved counts as spent: begin another", at: "call")
        }
        guard key == nil || state.extended.count < Self.mostKeys else {
            throw AgentIDError(
                .limit, name: "call_extended", message: "a call is extended at most \(Self.mostKeys) times with a key",
                at: "key")
        }
        let items = try state.account.extensible(by: amount, in: unit)
        do throws(Denial) {
            if !items.isEmpty, let meters = guardian.meters {
                let tool = decision.tool.beginning(atMost: 64)
                let policy: ActivePolicy?
                do throws(AgentIDError) { policy = try guardian.view?.policy() } catch {
                    throw Denial(error.name, error.message)
                }
                try state.account.extend(
                    items, by: amount, tool: tool, under: policy, at: meters.page(now).look(now))
            }
        } catch { return error }
        if let key { state.extended.insert(key.exact) }
        state.lapses = max(state.lapses, time + 1000 * seconds)
        return nil
    }

    /// Ends a call that succeeded. Budgets are charged its cost, or what was reserved if no cost was set, and the outcome is
    /// recorded.
    ///
    /// - Parameters:
    ///   - outcome: In a few words, without values; at most 1024 bytes.
    ///   - key: Any text of 1 to 128 bytes. A second call with the same key changes nothing, but completes what failed.
    /// - Throws: `call_ended` if it ended before, unless with this key.
    public func commit(_ outcome: String = "succeeded", key: String? = nil) throws(AgentIDError) {
        try end(isFailure: false, outcome, key: key)
    }

    /// Ends a call that failed or was never made. Budgets are charged its cost. If no cost was set, they get back all that was
    /// reserved, once, or keep it if the rule says so (`on_failure`). A second call changes nothing.
    public func abort(_ outcome: String = "failed", key: String? = nil) throws(AgentIDError) {
        try end(isFailure: true, outcome, key: key)
    }

    /// Ends the call if it has not ended yet: for blocks, however they are left.
    ///
    /// - Parameter failure: The outcome of a failure, e.g. `failed: TimeoutError`; `nil` if it succeeded.
    public func leave(failure: String?) throws(AgentIDError) {
        try leave(isFailure: failure != nil, outcome: failure ?? "succeeded")
    }

    /// Ends the call if it has not ended yet.
    package func leave(isFailure: Bool, outcome: String) throws(AgentIDError) {
        guard !hasEnded else { return }
        do throws(AgentIDError) { try end(isFailure: isFailure, outcome, key: nil) } catch {
            // By another thread, meanwhile.
            guard error.name == "call_ended" else { throw error }
        }
    }

    /// Whether it has ended.
    public var hasEnded: Bool { state.withLock { $0.end != nil } }

    private func end(isFailure: Bool, _ outcome: String, key: String?) throws(AgentIDError) {
        try Self.check(key: key)
        try AuditBounds.check(outcome: outcome)
        let now = guardian.clock.milliseconds
        let time = guardian.meterTime(now)
        // Only callers of this very call wait for each other.
        try state.withLock { state throws(AgentIDError) in
            if let end = state.end {
                let isRetry =
                    key.map { end.key?.isSame(as: $0) == true } ?? (end.key == nil && (isFailure || !end.isDone))
                guard end.isFailure == isFailure, isRetry else { throw Self.ended }
            }
            var end =
                state.end
                ?? End(isFailure: isFailure, key: key, outcome: outcome, hasLapsed: time >= state.lapses)
            defer { state.end = end }
            guard !end.isDone else { return }
            let isRetry = state.end != nil
            try state.account.settle(isFailure: isFailure, hasLapsed: end.hasLapsed)
            if isRetry { try state.account.book() }
            try guardian.record(end.outcome, labels: state.labels, of: decision, at: now)
            end.isDone = true
        }
    }

    /// The time within which a call ends, if it can be that.
    @discardableResult
    package static func checked(_ seconds: Int64) throws(AgentIDError) -> Int64 {
        guard (1...longestLapse).contains(seconds) else {
            throw AgentIDError(
                .argument, name: "call_within", message: "a call ends within 1 to \(longestLapse) s", at: "within")
        }
        return seconds
    }

    private static func check(key: String?) throws(AgentIDError) {
        guard (1...128).contains(key?.utf8.count ?? 1) else {
            throw AgentIDError(.argument, name: "key", message: "a key has 1 to 128 bytes", at: "key")
        }
    }

    private static let ended = AgentIDError(
        .state, name: "call_ended", message: "the call has ended: what it cost, and how it went, is told before",
        at: "call")
}
