internal import StrictJSON

/// A sign that an agent has gone astray: counted, whatever it calls.
package struct Anomaly: Sendable {
    package let sign: Sign
    /// The number of signs in a period that is too many.
    package let count: Int64
    /// In milliseconds.
    package let period: Int64
    package let subject: Subject

    package enum Sign: String, PolicyChoice, Sendable {
        /// Calls that were denied, for whatever reason.
        case denials
        /// Calls of tools that the grant does not have.
        case unknownTools = "unknown_tools"
        /// Chains in which a grant is wider than its parent.
        case widenings
        /// Proofs that were shown again.
        case replays
    }

    /// As a rate of signs that are not too many.
    package var rate: Rate? { Rate(calls: count, period: period) }

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
        count = try reader.integer(sign.rawValue, in: 1...1_000_000)
        period = try reader.duration("per")
        subject = try reader.choice("for", else: Subject.agent)
    }
}
