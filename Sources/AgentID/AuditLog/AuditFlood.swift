internal import JOSE
internal import StrictJSON

/// Keeps floods of denials from filling the log: excess denials are counted by reason in entries of the kind `denials`.
/// Every denial is in the log, as an entry or in a count.
///
/// Strangers have no verified chain. Their first denial for a reason is an entry; later ones are counted until none has
/// come for a minute. Holders have one: each root grant has a hundred entries a second for each reason. A count is
/// written one second after it began, then after two, four and so on up to a minute, and at the latest when the log is
/// closed.
final class AuditFlood: Sendable {
    enum Turn {
        /// The denial has an entry of its own.
        case single
        /// The denial is counted, in the entry of this ID.
        case counted(AuditRecord)
    }

    /// The denials that are counted together.
    private struct Key: Hashable {
        /// The root grant's issuer and `jti`, since two issuers may use one `jti`; empty for strangers.
        let issuer: ExactText
        let grant: ExactText
        let reason: ExactText
    }

    private struct Count {
        var count = 0
        var (first, last): (Int64, Int64) = (.max, .min)
        var sample: Sample?
        var record: AuditRecord?
        /// Whether it counts denials under several roots: then it names no agent.
        var isOfMany = false
        /// Whether it counts denials of several agents under one root: then it names none of them.
        var isOfSeveral = false
        /// The counter for denials that cannot be written.
        var lost: LostDecisions?
    }

    private struct Window {
        /// Its start, by the steady clock, and its length, in milliseconds.
        var start: Int64
        var length = AuditFlood.shortest
        /// The time of the latest denial.
        var latest: Int64
        var singles = 0
        var counted = Count()
    }

    private static let shortest: Int64 = 1000
    private static let longest: Int64 = 60_000
    private static let mostKeys = 1024
    private struct State {
        var windows: [Key: Window] = [:]
        /// The time of the last sweep for finished windows.
        var sweptAt = Int64.min
    }
    private let state = Locked(State())
    private let now: @Sendable () -> Int64

    init(now: @escaping @Sendable () -> Int64 = { MonotonicClock.milliseconds }) { self.now = now }

    /// Whether a denial is an entry of its own; `record` is the ID of the next count, if the denial begins one.
    func take(_ sample: Sample, as record: AuditRecord, lost: LostDecisions) -> Turn {
        var key = Key(
            issuer: (sample.issuer ?? "").exact, grant: (sample.grant ?? "").exact, reason: sample.reason.exact)
        let now = now()
        let (allowance, calm) = sample.grant == nil ? (1, Self.longest) : (100, Self.shortest)
        return state.withLock { state in
            // Strangers have a window for each reason, whatever holders do.
            if state.windows[key] == nil, sample.grant != nil, !hasRoom(&state, now) {
                // Too many roots at once: count those of one issuer together, then all.
                key = Key(issuer: key.issuer, grant: "".exact, reason: key.reason)
                if state.windows[key] == nil, state.windows.count >= 2 * Self.mostKeys {
                    key = Key(issuer: "".exact, grant: "*".exact, reason: key.reason)
                }
            }
            var window = state.windows[key] ?? Window(start: now, latest: now)
            defer { state.windows[key] = window }
            if window.counted.count == 0, now - window.latest >= calm || allowance > 1 && now - window.start >= calm {
                window = Window(start: now, latest: now)
            }
            window.latest = now
            if window.counted.count == 0, window.singles < allowance {
                window.singles += 1
                return .single
            }
            if window.counted.count == 0 {
                (window.counted.sample, window.counted.record, window.counted.lost) = (sample, record, lost)
                window.counted.isOfMany = sample.grant != nil && key.grant != (sample.grant ?? "").exact
                // A count is written a window after it began.
                window.start = now
            }
            window.counted.isOfSeveral =
                window.counted.isOfSeveral || !sample.agent.isSame(as: window.counted.sample?.agent)
            window.counted.count += 1
            window.counted.first = min(window.counted.first, sample.time)
            window.counted.last = max(window.counted.last, sample.time)
            return .counted(window.counted.record ?? record)
        }
    }

    /// Whether there is room for another root's window. Removes finished windows at most once a second.
    private func hasRoom(_ state: inout State, _ now: Int64) -> Bool {
        guard state.windows.count >= Self.mostKeys else { return true }
        guard state.sweptAt == .min || now - state.sweptAt >= Self.shortest else { return false }
        state.sweptAt = now
        state.windows = state.windows.filter { $1.counted.count > 0 || now - $1.latest < Self.longest }
        return state.windows.count < Self.mostKeys
    }

    /// Writes the counts that are due, or all. Counts that cannot be written are counted as lost.
    func flush(isLast: Bool, _ append: ([UInt8]) throws(AgentIDError) -> Void) {
        let now = now()
        let due = state.withLock { state in
            var due: [Count] = []
            for (key, window) in state.windows where window.counted.count > 0 {
                guard isLast || now - window.start >= window.length else { continue }
                due.append(window.counted)
                var next = window
                next.counted = Count()
                if !isLast { next.length = min(2 * window.length, Self.longest) }
                state.windows[key] = next
            }
            return due
        }
        for counted in due {
            guard let line = Self.line(counted) else { continue }
            do throws(AgentIDError) { try append(line) } catch { counted.lost?.add(counted.count) }
        }
    }

    private static func line(_ counted: Count) -> [UInt8]? {
        guard let sample = counted.sample, let record = counted.record else { return nil }
        var members = sample.members
        if counted.isOfMany {
            for name in ["agent", "grant", "owner", "place", "principal", "profile"] { members[name] = nil }
        }
        if counted.isOfSeveral { members["agent"] = nil }
        members["kind"] = "denials"
        members["id"] = .string(record.id)
        members["count"] = .int(counted.count)
        members["from_ms"] = .int(Int(counted.first))
        members["time_ms"] = .int(Int(counted.last))
        return JSONTree.object(members).canonical()
    }
}

extension AuditFlood {
    /// The first denial of a count, which describes it.
    struct Sample: Sendable {
        let reason: String
        /// The `jti` of the root; `nil` for a stranger.
        let grant: String?
        var agent: String? { chain?.links.last?.grant.claim?.agent }
        /// The key that signed the root.
        var issuer: String? { chain?.issuer.key }
        let time: Int64
        private let denial: Denial
        private let tool: String
        private let guardian: String?
        private let chain: VerifiedChain?

        init(_ denial: Denial, on tool: String, at time: Int64, chain: VerifiedChain?, guardian: String?) {
            reason = denial.reason.rawValue
            grant = chain?.links.first?.grant.id
            (self.time, self.denial, self.tool, self.guardian, self.chain) = (time, denial, tool, guardian, chain)
        }

        /// The longest text taken from a stranger, in bytes.
        private static let most = 128

        var members: JSONTree.Members {
            var cut = AuditCut()
            var members: JSONTree.Members = [
                "reason": .string(reason), "tool": .string(cut.fit(tool, Self.most, as: "tool")),
                "message": .string(cut.fit(denial.message, Self.most, as: "message")),
            ]
            let root = chain?.links.first?.grant.claim
            let place = denial.place.isEmpty ? nil : cut.fit(denial.place, Self.most, as: "place")
            for (name, text) in [
                ("agent", agent), ("grant", grant), ("guard", guardian),
                ("owner", root?.owner), ("place", place), ("principal", root?.principal), ("profile", root?.profile),
            ] {
                if let text { members[name] = .string(text) }
            }
            if let chain { members["issuer"] = chain.issuer.tree }
            if !cut.isEmpty { members["cut"] = cut.tree }
            return members
        }
    }
}
