public import Scopes
public import StrictJSON

/// The limits of an agent: its owner, and the most it may ever be granted.
public struct Profile: Sendable {
    /// The name, a segment of its agents' IDs.
    public let name: String
    /// The owner, who answers for such agents: a URI.
    public let owner: String
    /// The ceiling: the largest scope of such an agent, in normal form.
    public let ceiling: Scope
    /// The longest lifetime of a grant, in seconds.
    public let maxLifetime: Int64
    /// The deepest delegation: 0 for none.
    public let maxDepth: Int
    /// No new agents after this time, in seconds since 1970; 1 to the end of the year 9999.
    public internal(set) var reviewBy: Int64?

    /// A profile. Refuses an empty owner, a name that is not a path segment, and limits beyond the library's.
    ///
    /// Accepts only profiles that can be read back: a ceiling's normal form is one level deeper than the ceiling.
    public init(
        name: String, owner: String, ceiling: Scope, maxLifetime: Int64 = 3600, maxDepth: Int = 4,
        reviewBy: Int64? = nil
    ) throws(AgentIDError) {
        // One that is kept may have none: it is read.
        guard !ceiling.isEmpty else {
            throw AgentIDError(
                .argument, name: "ceiling",
                message: "the ceiling names no tool: no agent could start or go on (to end a profile, withdraw it)",
                at: "options.ceiling")
        }
        try self.init(
            checking: name, owner: owner, ceiling: ceiling, maxLifetime: maxLifetime, maxDepth: maxDepth,
            reviewBy: reviewBy)
        let json: JSON
        do throws(JSON.ParseError) { json = try JSON(parsing: tree.canonical()) } catch {
            throw AgentIDError(error, at: "options.ceiling")
        }
        let read = try Profile(parsing: json.root)
        guard read == self else {
            throw AgentIDError(
                .internal, name: "profile", message: "the profile is not read back as it was written", at: "options")
        }
    }

    private init(
        checking name: String, owner: String, ceiling: Scope, maxLifetime: Int64, maxDepth: Int, reviewBy: Int64?
    ) throws(AgentIDError) {
        try Self.check(name: name)
        guard !owner.isEmpty else {
            throw AgentIDError(
                .argument, name: "owner", message: "no owner, no agent: name who answers for such agents",
                at: "options.owner")
        }
        try URI.check(owner, at: "options.owner")
        guard (Limits.shortestLifetime...Limits.longestLifetime).contains(maxLifetime) else {
            throw AgentIDError(
                .limit, name: "lifetime", message: "a lifetime is 2 seconds to 90 days, this one is \(maxLifetime) s",
                at: "options.max_lifetime")
        }
        guard (0...Limits.hardDepth).contains(maxDepth) else {
            throw AgentIDError(
                .limit, name: "depth", message: "a depth is 0 to \(Limits.hardDepth)", at: "options.max_depth")
        }
        guard (1...Limits.latestDate).contains(reviewBy ?? 1) else {
            throw AgentIDError(
                .argument, name: "review_by", message: "a review is due between 1970 and the end of the year 9999",
                at: "options.review_by")
        }
        // In quotes it could stand in a scope, where it is one tool's name: a profile that means a family of tools says which.
        for tool in ceiling.tools where tool.name.utf8.contains(UInt8(ascii: "*")) {
            throw AgentIDError(
                .argument, name: "tool_pattern",
                message: "a ceiling names each tool: none is called \(tool.name.beginning(atMost: 64)), and * stands "
                    + "for names in a policy's rules only", at: "options.ceiling")
        }
        self.name = name
        self.owner = owner
        do throws(ScopeError) { self.ceiling = try ceiling.normalized() } catch {
            throw AgentIDError(error, at: "options.ceiling")
        }
        self.maxLifetime = maxLifetime
        self.maxDepth = maxDepth
        self.reviewBy = reviewBy
    }

    /// Refuses a name that is not valid for a profile.
    static func check(name: String) throws(AgentIDError) {
        do throws(AgentIDError) { try SPIFFEID.check(name[...]) } catch {
            throw AgentIDError(.malformed, name: "profile_name", message: error.message, at: "name")
        }
        guard name.utf8.count <= 128 else {
            throw AgentIDError(
                .limit, name: "profile_name", message: "a profile's name has at most 128 bytes", at: "name")
        }
    }

    init(parsing json: JSON.Value) throws(AgentIDError) {
        guard let name = json["name"]?.string, let owner = json["owner"]?.string, let ceiling = json["ceiling"],
            let lifetime = json["max_lifetime"]?.int, let depth = json["max_depth"]?.int
        else {
            throw AgentIDError(
                .malformed, name: "state", message: "a stored profile lacks members", at: "registry.db")
        }
        let scope: Scope
        do throws(ScopeError) { scope = try Scope(parsing: ceiling) } catch {
            throw AgentIDError(error, at: "options.ceiling")
        }
        guard json["review_by"].map({ $0.kind == .null || $0.int != nil }) ?? true else {
            throw AgentIDError(.malformed, name: "review_by", message: "no date is stored", at: "options.review_by")
        }
        try self.init(
            checking: name, owner: owner, ceiling: scope, maxLifetime: Int64(lifetime), maxDepth: depth,
            reviewBy: json["review_by"]?.int.map { Int64($0) })
    }

    /// The profile as a document.
    public var tree: JSONTree {
        [
            "name": .string(name), "owner": .string(owner), "ceiling": ceiling.tree,
            "max_lifetime": .int(Int(maxLifetime)), "max_depth": .int(maxDepth),
            "review_by": reviewBy.map { .int(Int($0)) } ?? .null,
        ]
    }
}

extension Profile: Equatable {
    /// Whether both profiles are equal; names are compared byte for byte.
    public static func == (one: Profile, other: Profile) -> Bool {
        one.name.isSame(as: other.name) && one.owner.isSame(as: other.owner) && one.ceiling == other.ceiling
            && one.maxLifetime == other.maxLifetime && one.maxDepth == other.maxDepth && one.reviewBy == other.reviewBy
    }
}
