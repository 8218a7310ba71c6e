internal import JOSE

/// Keeps floods of denials from filling the log: what is too much for entries of its own is counted, by reason, in
/// entries of the kind `denials`. Every denial is in the log, as an entry or in a count.
///
/// Of strangers, whose chain never verified, the first denial for a reason is an entry; those after it are counted until
/// none has come for a minute. Of holders, each root grant has a hundred entries a second and reason. A count is written
/// a second after it began, then every two, four and so on up to every minute, at the latest when the log is closed.
final class AuditFlood: Sendable {
    enum Turn {
        /// It has an entry of its own.
        case single
        /// It is counted, in the entry of this ID.
        case counted(AuditRecord)
    }

    /// What is counted together.
    private struct Key: Hashable {
        /// The root grant's issuer and `jti`, which another issuer may use as well; empty of strangers.
        let issuer: ExactText
        let grant: ExactText
        let reason: ExactText
    }

    private struct Count {
        var count = 0
        var (first, last): (Int64, Int64) = (.max, .min)
        var sample: Sample?
        var record: AuditRecord?
        /// Who is told where it cannot be written.
        var lost: LostDecisions?
    }

    private struct Window {
        /// When it began, by the steady clock in milliseconds, and how long it is.
        var start: Int64
        var length = AuditFlood.shortest
        /// When a denial came last.
        var latest: Int64
        var singles = 0
        var counted = Count()
    }

    private static let shortest: Int64 = 1000
    private static let longest: Int64 = 60_000
    private static let mostKeys = 1024
    private let windows = Locked<[Key: Window]>([:])
    private let now: @Sendable () -> Int64

    init(now: @escaping @Sendable () -> Int64 = { MonotonicClock.milliseconds }) { self.now = now }

    /// Whether a denial is an entry of its own; `record` is the ID of the next count, where it begins one.
    func take(_ sample: Sample, as record: AuditRecord, lost: LostDecisions) -> Turn {
        let key = Key(
            issuer: (sample.issuer ?? "").exact, grant: (sample.grant ?? "").exact, reason: sample.reason.exact)
        let now = now()
        let (allowance, calm) = sample.grant == nil ? (1, Self.longest) : (100, Self.shortest)
        return windows.withLock { windows in
            if windows[key] == nil, windows.count >= Self.mostKeys {
                windows = windows.filter { $1.counted.count > 0 || now - $1.latest < Self.longest }
                // So many roots of this authority at once: each denial stays an entry.
                guard windows.count < Self.mostKeys else { return .single }
            }
            var window = windows[key] ?? Window(start: now, latest: now)
            defer { windows[key] = window }
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
                // A count is written a window after it began.
                window.start = now
            }
            window.counted.count += 1
            window.counted.first = min(window.counted.first, sample.time)
            window.counted.last = max(window.counted.last, sample.time)
            return .counted(window.counted.record ?? record)
        }
    }

    /// Writes the counts that are due, or all. What cannot be written is counted as lost.
    func flush(isLast: Bool, _ append: ([UInt8]) throws(AgentIDError) -> Void) {
        let now = now()
        let due = windows.withLock { windows in
            var due: [Count] = []
            for (key, window) in windows where window.counted.count > 0 {
                guard isLast || now - window.start >= window.length else { continue }
                due.append(window.counted)
                var next = window
                next.counted = Count()
                if !isLast { next.length = min(2 * window.length, Self.longest) }
                windows[key] = next
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
        members["kind"] = "denials"
        members["id"] = .string(record.id)
        members["count"] = .int(counted.count)
        members["from_ms"] = .int(Int(counted.first))
        members["time_ms"] = .int(Int(counted.last))
        return JSONTree.object(members).canonical()
    }
}

extension AuditFlood {
    /// What a count says of its first denial.
    struct Sample: Sendable {
        let reason: String
        /// The `jti` of the root; `nil` of a stranger.
        let grant: String?
        /// The key that signed the root.
        var issuer: String? { chain?.issuer.key }
        let time: Int64
        private let denial: Denial
        private let tool: String
        private let guardian: String?
        private let chain: VerifiedChain?

        init(_ denial: Denial, of decision: Decision, guardian: String?) {
            reason = denial.reason.rawValue
            chain = decision.chain
            grant = decision.chain?.links.first?.grant.id
            (time, self.denial, tool, self.guardian) = (decision.time, denial, decision.tool, guardian)
        }

        /// How long what a stranger sends may be in it.
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
                ("agent", chain?.links.last?.grant.claim?.agent), ("grant", grant), ("guard", guardian),
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
