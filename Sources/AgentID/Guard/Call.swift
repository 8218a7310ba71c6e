internal import JOSE
internal import StrictJSON

/// A permitted call, from its decision until its outcome is known: what it costs, what its tool reports, how it went.
/// Safe to use from any thread.
///
/// It ends once, by ``commit(_:key:)`` or ``abort(_:key:)``, or by ``leave(failure:)`` which does one of the two where
/// neither was done. One that never ends counts as having cost what was reserved, and nothing is recorded of it.
public final class Call: Sendable {
    /// The permit.
    public let permit: Permit
    private let guardian: Guard
    private let state: Locked<State>

    private struct State: Sendable {
        var account: CallAccount
        /// From then on what was reserved counts as spent, in milliseconds since 1970.
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
        let lapses = guardian.clock.milliseconds + 1000 * (try Self.checked(seconds))
        state = Locked(State(account: CallAccount(permit.decision.spending), lapses: lapses))
    }

    /// The decision, which permits.
    public var decision: Decision { permit.decision }

    /// Tells what the call costs in a unit of the policy's budgets, in place of what was told before. Taken into account
    /// when the call ends: what was reserved beyond it is given back; a cost above is counted, and the budget denies from
    /// then on. A unit that no budget counts changes nothing.
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

    /// Adds labels to the call's task, as the policy names them: what its result is made of. They are there when this
    /// returns, for every process of the directory: call it before the result is used.
    ///
    /// Without a policy that names labels they are only recorded.
    ///
    /// - Throws: `unknown_label`; `label_permits` for one that rules require; where they cannot be kept: then the result must
    ///   not be used.
    public func labels(_ names: [String]) throws(AgentIDError) {
        guard !names.isEmpty else { return }
        try guardian.raise(names, of: decision)
        state.withLock { state in
            for name in names where !state.labels.contains(where: { $0.isSame(as: name) }) { state.labels.append(name) }
        }
    }

    /// Goes on with a long call: prolongs it, and reserves more in all budgets of a unit, or nothing.
    ///
    /// - Parameters:
    ///   - amount: Decimal digits; `0` only prolongs.
    ///   - unit: E.g. `usd`. Where no budget counts it, nothing is reserved.
    ///   - seconds: From now on, within which the call ends: 1 to 2,592,000.
    ///   - key: Any text of 1 to 128 bytes: with a key that was used before in this call nothing is reserved again.
    /// - Throws: as a decision, `budget_exhausted` where less is left, and the reason that keeps the agent from acting where
    ///   it was suspended, revoked or ended meanwhile, or its lease lapsed: the call goes on with what it has.
    public func extend(
        by amount: String, in unit: String, within seconds: Int64 = lapse, key: String? = nil
    ) throws(NotPermitted) {
        let denial: Denial?
        do throws(AgentIDError) {
            try Self.check(key: key)
            let seconds = try Self.checked(seconds)
            // Before the lock: a caller's clock may call back.
            let now = guardian.clock.milliseconds
            if let refused = standing(at: now) {
                denial = refused
            } else {
                denial = try state.withLock { state throws(AgentIDError) in
                    try extend(&state, by: amount, in: unit, until: now + 1000 * seconds, key: key, at: now)
                }
            }
        } catch { throw .failed(error) }
        guard let denial else { return }
        var decision = decision
        decision.denial = denial
        throw .denied(decision)
    }

    /// Why its agents may not act any more; `nil` while they may. A grant that is over meanwhile has done its part.
    private func standing(at now: Int64) -> Denial? {
        do throws(Denial) {
            try guardian.refreshView(now: now)
            guard let chain = decision.chain else { return nil }
            try guardian.checkRevocations(chain)
            try guardian.checkStanding(chain, now: now)
            return nil
        } catch { return error }
    }

    private func extend(
        _ state: inout State, by amount: String, in unit: String, until lapses: Int64, key: String?, at now: Int64
    ) throws(AgentIDError) -> Denial? {
        if let key, state.extended.contains(key.exact) { return nil }
        guard state.end == nil else { throw Self.ended }
        guard now < state.lapses else {
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
                try state.account.extend(items, by: amount, tool: tool, at: meters.page(now).look(now))
            }
        } catch { return error }
        if let key { state.extended.insert(key.exact) }
        state.lapses = lapses
        return nil
    }

    /// Ends the call: it succeeded. Budgets are settled at what it cost, or at what was reserved where nobody told, and the
    /// outcome is recorded.
    ///
    /// - Parameters:
    ///   - outcome: In a few words, without values; at most 1024 bytes.
    ///   - key: Any text of 1 to 128 bytes: a retry with the same key changes nothing, and makes up for what failed.
    /// - Throws: `call_ended` where it ended before, other than with this key.
    public func commit(_ outcome: String = "succeeded", key: String? = nil) throws(AgentIDError) {
        try end(isFailure: false, outcome, key: key)
    }

    /// Ends the call: it failed, or was never made. Budgets are settled at what it cost; where nobody told, all that was
    /// reserved is given back, or counts as spent if the rule says so (`on_failure`). Again it changes nothing.
    public func abort(_ outcome: String = "failed", key: String? = nil) throws(AgentIDError) {
        try end(isFailure: true, outcome, key: key)
    }

    /// Ends the call where it has not ended yet: for blocks that are left, in whatever way.
    ///
    /// - Parameter failure: How it failed, e.g. `failed: TimeoutError`; `nil` where it succeeded.
    public func leave(failure: String?) throws(AgentIDError) {
        guard state.withLock({ $0.end == nil }) else { return }
        do throws(AgentIDError) {
            try end(isFailure: failure != nil, failure ?? "succeeded", key: nil)
        } catch {
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
        // Only callers of this very call wait for each other.
        try state.withLock { state throws(AgentIDError) in
            if let end = state.end {
                let isRetry =
                    key.map { end.key?.isSame(as: $0) == true } ?? (end.key == nil && (isFailure || !end.isDone))
                guard end.isFailure == isFailure, isRetry else { throw Self.ended }
            }
            var end =
                state.end
                ?? End(isFailure: isFailure, key: key, outcome: outcome, hasLapsed: now >= state.lapses)
            defer { state.end = end }
            guard !end.isDone else { return }
            let isRetry = state.end != nil
            try state.account.settle(isFailure: isFailure, hasLapsed: end.hasLapsed)
            if isRetry { try state.account.book() }
            try guardian.record(end.outcome, labels: state.labels, of: decision, at: now)
            end.isDone = true
        }
    }

    private static func checked(_ seconds: Int64) throws(AgentIDError) -> Int64 {
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
