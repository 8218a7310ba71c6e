import AgentID
import StrictJSON

/// How an agent stands, in the word that people are shown.
enum AgentState: String, CaseIterable {
    /// A guard lets it act.
    case live
    /// Its process renews it no more: whoever reaps ends it.
    case lapsed
    /// Its process is there, and its last grant has expired.
    case expired
    /// Something it stands on is suspended, lapsed or revoked.
    case denied
    /// It waits, and is denied meanwhile.
    case parked
    case suspended, ended

    init(_ agent: AgentDescription) {
        switch agent.state {
        case "deprovisioned": self = .ended
        case "active": self = agent.isLive ? .live : agent.isLapsed ? .lapsed : agent.isExpired ? .expired : .denied
        case "parked": self = .parked
        default: self = .suspended
        }
    }
}

extension AgentDescription {
    fileprivate var isLapsed: Bool { leaseExpires.map { $0 / 1000 <= Console.now } ?? true }

    /// How long its lease lasts, e.g. `4m left`.
    func lease(at now: Int64) -> String {
        guard let expires = leaseExpires.map({ $0 / 1000 }) else { return "none" }
        return expires > now ? "\(Console.span(since: now, expires)) left" : "over"
    }

    /// Why it ended; the agent above, where that took it along, by its short name.
    var shortEndReason: String? {
        guard let reason = endReason, !reason.isEmpty else { return nil }
        let words = reason.parts(at: UInt8(ascii: " "), atMost: 2, omittingEmpty: false)
        guard words.count == 2, words[0].starts(exactly: "spiffe://") else { return reason }
        return "\(AgentName.abbreviated(words[0])) \(words[1])"
    }
}

extension Console {
    /// From one time to another; to one before it, as under a clock that went back, no time at all.
    static func span(since start: Int64, _ end: Int64) -> String {
        span(end > start ? Int(clamping: end.subtractingReportingOverflow(start).partialValue) : 0)
    }
}
