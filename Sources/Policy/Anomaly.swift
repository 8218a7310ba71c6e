internal import StrictJSON

/// A sign that an agent has gone astray: counted, whatever it calls.
package struct Anomaly: Sendable {
    package let sign: Sign
    /// The number of signs in a period that is too many.
    package let count: Int64
    /// In milliseconds.
    package let period: Int64
    /// The agent, or it and every agent above it.
    package let subject: Subject
    /// The rate of signs that is not too high: a sign that cannot be taken from it is one too many.
    package let rate: Rate

    package enum Sign: String, PolicyChoice, Sendable {
        /// Calls that were denied, for whatever reason.
        case denials
        /// Calls of tools that the grant does not have.
        case unknownTools = "unknown_tools"
        /// Refused delegations of more than the agent has.
        case widenings
        /// Proofs that were shown again: by whoever saw them, which is why nobody is stopped for them.
        case replays
    }

    init(parsing json: JSON.Value, at path: String) throws(PolicyError) {
        let reader = try MemberReader(
            json, at: path, knowing: ["denials", "unknown_tools", "widenings", "replays", "per", "for"])
        let signs = Sign.allCases.filter { reader[$0.rawValue] != nil }
        guard let sign = signs.first, signs.count == 1 else {
            throw reader.error(
                signs.isEmpty ? "missing" : "malformed", "an anomaly counts one sign",
                remedy: "write one of \(Sign.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        self.sign = sign
        count = try reader.integer(sign.rawValue, in: 1...PolicyLimits.calls)
        period = try reader.duration("per")
        subject = try reader.choice("for", else: Subject.agent)
        guard subject == .agent || subject == .subtree else {
            throw PolicyError(
                "malformed", at: reader.path(of: "for"),
                "what others did would stop an agent that did nothing", remedy: "write agent or subtree",
                position: reader["for"]?.position)
        }
        guard let rate = Rate(calls: count, period: period) else {
            throw reader.error("limit_exceeded", "this is beyond the limits", remedy: "write smaller numbers")
        }
        self.rate = rate
    }
}
