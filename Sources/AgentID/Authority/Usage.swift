public import Scopes
public import StrictJSON

/// Least privilege, measured: granted authority compared with its use, and the smallest ceiling that would have
/// sufficed.
///
/// The audit log has the names of arguments and never their values. A proposal is therefore made of the scopes of the
/// grants under which calls were permitted. Nobody can know how much of such a scope was used.
public struct Usage: Sendable {
    /// The number of audit log entries examined.
    public let entries: UInt64
    /// The number of entries before these, which were archived: what they say of use is not in this.
    public let archived: UInt64
    /// The start of the examined period, in milliseconds since 1970; `nil` for the start of the log.
    public let since: Int64?
    /// Decisions under chains of this domain that name no profile of this authority, and those on strangers' calls.
    public let unattributed: Int
    /// Decisions under chains of other domains, whatever profile these name.
    public let foreign: Int
    /// Every profile, by name.
    public let profiles: [ProfileUsage]

    /// The limits of the log's knowledge, in a sentence for people.
    public static let caveat =
        "Argument values are never in the audit log: a proposal permits all that the grants did under which calls were "
        + "permitted, which may be more than the calls needed, and nothing of what nobody did in this time."

    /// The report as a document.
    public var document: JSONTree {
        [
            "entries": .int(Int(clamping: entries)), "archived": .int(Int(clamping: archived)),
            "since_ms": since.map { .int(Int($0)) } ?? .null,
            "unattributed": .int(unattributed), "foreign": .int(foreign), "caveat": .string(Self.caveat),
            "profiles": .array(profiles.map(\.document)),
        ]
    }
}

/// The activity of one profile's agents, compared with its ceiling.
public struct ProfileUsage: Sendable {
    /// The calls of one tool.
    public struct Tool: Sendable {
        /// The tool's name.
        public let name: String
        /// The number of permitted calls.
        public internal(set) var calls = 0
        /// The time of the latest, in milliseconds since 1970.
        public internal(set) var latest: Int64 = 0
        /// The names of the arguments given, sorted; at most 64.
        public var arguments: [String] { names.inByteOrder() }

        var names: Set<ExactText> = []
    }

    /// The profile's name.
    public let profile: String
    /// The present ceiling.
    public let ceiling: Scope
    /// The tools with permitted calls, by name.
    public let used: [Tool]
    /// The tools of the ceiling without permitted calls.
    public let unused: [String]
    /// The number of permitted calls.
    public let permitted: Int
    /// The number of denied calls by reason, sorted.
    public let denials: [(reason: String, count: Int)]
    /// The smallest ceiling that would have permitted every call that the present one does; it is below the present
    /// one. `nil` if no call was permitted.
    public let proposal: Scope?
    /// Permitted calls whose grant the registry does not know: judged by a grant above it, or else by the ceiling.
    public let unknown: Int
    /// Calls permitted under a grant that exceeds the present ceiling, which was narrowed since. The proposal need not
    /// permit them.
    public let beyond: Int

    /// The report as a document.
    public var document: JSONTree {
        [
            "profile": .string(profile), "ceiling": ceiling.tree, "permitted": .int(permitted),
            "denied": .int(denials.reduce(0) { $0 + $1.count }),
            "used": .array(
                used.map { tool in
                    [
                        "tool": .string(tool.name), "calls": .int(tool.calls), "latest_ms": .int(Int(tool.latest)),
                        "arguments": .array(tool.arguments.map { .string($0) }),
                    ]
                }), "unused": .array(unused.map { .string($0) }),
            "denials": .members(denials.map { ($0.reason, .int($0.count)) }),
            "proposal": proposal?.tree ?? .null, "proposal_text": proposal.map { .string($0.text) } ?? .null,
            "unknown": .int(unknown), "beyond": .int(beyond),
        ]
    }
}
