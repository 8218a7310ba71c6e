internal import Policy
internal import StrictJSON

/// The claim `urn:agentid:1` of a grant: agent, owner, principal, task (tokens.md, "The profile's claim").
struct Claim: Sendable {
    static let name = "urn:agentid:1"

    var agent: String?
    var profile: String?
    var owner: String?
    var principal: String?
    var task: String?
    var intent: String?
    var labels: [String] = []
    /// Of a root: whatever it starts is isolated. Of another: it and all below it keep their labels to themselves.
    var isIsolated = false
    var limits: GrantLimits?

    init() {}

    /// Reads the claim of a link. A member that this version does not know is refused: it may limit what the grant allows.
    init(parsing json: JSON.Value, link: Int) throws(Denial) {
        guard json.kind == .object else {
            throw Denial("token_malformed", "the claim is not an object", link: link, at: Self.name)
        }
        for (name, value) in json.members {
            if name.equals("limits") {
                do throws(PolicyError) { limits = try GrantLimits(value, at: "\(Self.name).limits") } catch {
                    throw Denial("token_malformed", "\(error.message); \(error.remedy)", link: link, at: error.path)
                }
                continue
            }
            if let rule = read(name, value) {
                let place = "\(Self.name).\((name.string ?? "").prefix(bytes: 64))"
                throw Denial("token_malformed", rule, link: link, at: place)
            }
        }
    }

    /// Reads one member. Returns the rule that it breaks.
    private mutating func read(_ name: JSON.Value, _ value: JSON.Value) -> String? {
        if name.equals("labels") {
            guard let read = Self.labels(parsing: value) else {
                return "labels are at most \(Self.mostLabels) texts of \(AuditBounds.label) bytes"
            }
            labels = read
        } else if name.equals("isolated") {
            guard let read = value.bool else { return "isolated is true or false" }
            isIsolated = read
        } else if name.equals("agent") {
            let isID = value.withUTF8 { if case .success = SPIFFEID.scan($0) { true } else { false } }
            guard isID, let text = value.string else { return "agent is not an ID" }
            agent = text
        } else if let (_, path) = Self.context.first(where: { name.equals($0.name) }) {
            guard let text = value.string, text.utf8.count <= AuditBounds.claim else {
                return "this member is a text of at most \(AuditBounds.claim) bytes"
            }
            self[keyPath: path] = text
        } else {
            return "the claim has no such member"
        }
        return nil
    }

    /// One claim has no more labels.
    static let mostLabels = 64

    /// Labels as a claim lists them: in the order of their bytes, each once.
    static func labels(_ labels: [String]) -> [String] { Set(labels.map(\.exact)).inByteOrder() }

    /// Reads a list of labels; `nil` if it is malformed or beyond the limits.
    static func labels(parsing json: JSON.Value) -> [String]? {
        guard json.kind == .array, json.count <= mostLabels else { return nil }
        var labels: [String] = []
        for label in json.elements {
            guard let text = label.string, text.utf8.count <= AuditBounds.label else { return nil }
            labels.append(text)
        }
        return labels
    }

    /// Whether it has members that only a root may have.
    var hasContext: Bool { profile != nil || owner != nil || principal != nil || task != nil || intent != nil }

    var tree: JSONTree {
        var members: JSONTree.Members = [:]
        if let agent { members["agent"] = .string(agent) }
        for (name, path) in Self.context {
            if let text = self[keyPath: path] { members[name] = .string(text) }
        }
        if isIsolated { members["isolated"] = true }
        if let limits { members["limits"] = limits.tree }
        if !labels.isEmpty { members["labels"] = .array(labels.map { .string($0) }) }
        return .object(members)
    }

    /// The members of a root's claim, besides the agent.
    private static var context: [(name: String, path: WritableKeyPath<Claim, String?>)] {
        [
            ("profile", \.profile), ("owner", \.owner), ("principal", \.principal), ("task", \.task),
            ("intent", \.intent),
        ]
    }
}
