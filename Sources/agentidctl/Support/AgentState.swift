import AgentID
import StrictJSON

/// The state of an agent, as the word shown to people.
enum AgentState: String, CaseIterable {
    /// Guards let it act.
    case live
    /// Its process no longer renews it; reaping ends it.
    case lapsed
    /// Its process is there, and its last grant has expired.
    case expired
    /// Something it depends on is suspended, lapsed or revoked.
    case denied
    /// It is parked, and denied meanwhile.
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

    /// The remaining time of its lease, e.g. `4m left`.
    func lease(at now: Int64) -> String {
        guard let expires = leaseExpires.map({ $0 / 1000 }) else { return "none" }
        return expires > now ? "\(Console.span(since: now, expires)) left" : "over"
    }

    /// The reason for its end, or for its suspension. If an agent above took it along, that one is given by its short name.
    var shortEndReason: String? {
        guard let reason = endReason, !reason.isEmpty else { return nil }
        let words = reason.parts(at: UInt8(ascii: " "), atMost: 2, omittingEmpty: false)
        guard words.count == 2, words[0].starts(exactly: "spiffe://") else { return reason }
        return "\(AgentName.abbreviated(words[0])) \(words[1])"
    }
}

extension Console {
    /// The time between two moments; none if the second is earlier, as after a clock went back.
    static func span(since start: Int64, _ end: Int64) -> String {
        span(end > start ? Int(clamping: end.subtractingReportingOverflow(start).partialValue) : 0)
    }
}
