import AgentID
import Scopes
import StrictJSON

/// The decoded content of one link of a chain; times in seconds since 1970. Its texts are whatever their writer wrote.
struct ChainLink {
    enum May {
        case nothing
        /// A scope that this version cannot read, as JSON.
        case unknown(String)
        case scope(Scope)
    }

    /// The issuer that the root names; `nil` for a derived grant.
    let issuer: String?
    let agent: String?
    /// Principal, task, intent, owner and profile, as far as the root names them.
    let context: [(name: String, text: String)]
    let grant: String?
    /// The token's size, in bytes.
    let size: Int
    let issued: Int?
    let expires: Int?
    let depth: Int?
    let maxDepth: Int?
    /// The rates and budgets that it states: their IDs, and the rest as JSON.
    let limits: [(name: String, text: String)]
    let labels: [String]
    let may: May
    /// The changes to its parent's scope; empty if either cannot be read.
    let changes: [ToolChange]
    /// The way in which it exceeds its parent.
    let expansion: Expansion?

    var scope: Scope? { if case .scope(let scope) = may { scope } else { nil } }

    func text(_ name: String) -> String? { context.first { $0.name.isSame(as: name) }?.text }

    /// The links of a chain, root first.
    ///
    /// - Parameter document: The document that ``ChainDecoder`` returns for a chain.
    static func list(in document: JSONTree) throws -> [ChainLink] {
        let root = try JSON(parsing: document.canonical(), limits: .init(bytes: 4 << 20)).root
        var links: [ChainLink] = []
        // One budget for all links: the writer of the file is not known, and no signature was verified yet.
        var work = WorkBudget(steps: ScopeLimits.steps / 2)
        for link in (root["links"] ?? root).elements {
            guard let claims = link["claims"] else { continue }
            links.append(
                ChainLink(
                    claims, isRoot: links.isEmpty, size: link["size"]?.int ?? 0, below: links.last?.scope,
                    within: &work))
        }
        return links
    }

    private init(
        _ claims: JSON.Value, isRoot: Bool, size: Int, below parent: Scope?, within work: inout WorkBudget
    ) {
        let claim = claims["urn:agentid:1"]
        issuer = isRoot ? claims["iss"]?.string : nil
        agent = claim?["agent"]?.string
        context = ["principal", "task", "intent", "owner", "profile"].compactMap { name in
            claim?[name]?.string.map { (name, $0) }
        }
        (grant, self.size) = (claims["jti"]?.string, size)
        (issued, expires) = (claims["iat"]?.int, claims["exp"]?.int)
        (depth, maxDepth) = (claims["del_depth"]?.int, claims["del_max_depth"]?.int)
        limits =
            claim?["limits"]?.elements.map { limit in
                let said = limit.members.filter { !$0.name.equals("id") }
                return (
                    limit["id"]?.string ?? "",
                    said.map { "\($0.name.string ?? ""): \($0.value.string ?? JSONTree.value($0.value).text)" }
                        .joined(separator: ", ")
                )
            } ?? []
        labels = claim?["labels"]?.elements.compactMap(\.string) ?? []
        if let tools = claims["authorization_details"]?.elements.lazy.compactMap({ $0["tools"] }).first {
            may =
                (try? Scope(parsing: tools, narrowing: parent ?? Scope(), within: &work)).map { .scope($0) }
                ?? .unknown(JSONTree.value(tools).text)
        } else {
            may = .nothing
        }
        if case .scope(let scope) = may {
            changes = ToolChange.list(from: parent, to: scope, within: &work)
            expansion = parent?.expansion(by: scope, within: &work)
        } else {
            (changes, expansion) = ([], nil)
        }
    }
}
