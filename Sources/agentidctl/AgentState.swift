import AgentID
import JOSE

/// How an agent stands, in the word that people are shown.
enum AgentState: String, CaseIterable {
    case live, lapsed, suspended, ended

    init(_ agent: AgentDescription) {
        switch agent.state {
        case "deprovisioned": self = .ended
        case "active": self = agent.isLive ? .live : .lapsed
        default: self = .suspended
        }
    }
}

extension AgentDescription {
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
