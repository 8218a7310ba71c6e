internal import Policy
internal import Scopes
internal import StrictJSON

/// Rates and budgets that a grant states: for its holder and all below it, signed by who hands on, and enforced by every
/// guard that has the meters of the directory.
///
/// A list of 1 to 8 limits in JSON, each like a rule of a policy (`docs/policies.md`):
///
///     [{"id": "pocket", "match": "pay", "budget": {"unit": "usd", "limit": "5.00", "cost": {"argument": "usd"}}},
///      {"id": "pace", "match": "*", "rate": {"calls": 10, "per": "1m"}}]
///
/// What siblings spend counts against their parent's limits, too. A limit with the ID of one of the
/// parent's is at most as large.
public final class GrantLimits: Sendable {
    let all: [GrantLimit]
    let tree: JSONTree

    /// Reads limits.
    public convenience init(_ json: String) throws(AgentIDError) {
        try self.init(parsing: json, at: "options.limits")
    }

    package convenience init(parsing text: String, at place: String) throws(AgentIDError) {
        let json: JSON
        do throws(JSON.ParseError) { json = try JSON(parsing: Array(text.utf8), limits: Self.size) } catch {
            throw AgentIDError(
                error.isTooCostly ? .limit : .malformed, name: "json",
                message: "\(error.rule) at byte \(error.position)", at: place)
        }
        do throws(PolicyError) { try self.init(json.root, at: place) } catch { throw AgentIDError(PolicyErrors(error)) }
    }

    /// Limits of a grant that was read.
    init(_ json: JSON.Value, at place: String) throws(PolicyError) {
        let own = json.detached()
        all = try GrantLimit.list(own, at: place)
        tree = .value(own)
    }

    /// One grant's limits have so many bytes at most: a chain has several.
    private static let size = JSON.Limits(bytes: 1 << 14, depth: 32, values: 4096)

    /// Refuses a limit that is about no tool of the scope: it would limit nothing, as where a name is mistyped.
    func check(reach scope: Scope) throws(AgentIDError) {
        for (i, limit) in all.enumerated() where !limit.touches(scope) {
            throw AgentIDError(
                .argument, name: "unreachable_limit",
                message:
                    "the limit \(limit.id) is about none of the grant's tools, and would limit nothing: name one of "
                    + "them in its match, or leave it out", at: "options.limits[\(i)].match")
        }
    }

    /// Refuses limits that say more than those of the grant they are handed on from.
    func check(below parent: GrantLimits?) throws(AgentIDError) {
        for (i, limit) in all.enumerated() {
            guard let above = parent?.all.first(where: { $0.id == limit.id }), let excess = limit.excess(over: above)
            else { continue }
            throw AgentIDError(
                .scope, name: "not_below_parent", message: "the limit \(limit.id): \(excess)",
                at: "options.limits[\(i)]")
        }
    }
}

extension VerifiedChain {
    /// The rules that its grants state, from the root on.
    var limits: [PolicyRule] {
        var rules: [PolicyRule] = []
        var seen: [(holder: String, limit: GrantLimit)] = []
        for (i, link) in links.enumerated() {
            guard let stated = link.grant.claim?.limits?.all else { continue }
            let holder = link.holderName
            let stater = links[..<i].last { !$0.holderName.isSame(as: holder) }?.holderName ?? ""
            for limit in stated {
                let before = seen.filter { $0.holder.isSame(as: holder) && $0.limit.id == limit.id }
                // An agent's next key has what the first one had.
                if before.contains(where: { $0.limit.isSame(as: limit) }) { continue }
                seen.append((holder, limit))
                // Another one that it states for a key of its own has a meter of its own.
                let name = before.isEmpty ? holder : "\(holder)#\(before.count)"
                rules.append(
                    limit.rule(
                        of: GrantLimit.Holder(
                            agent: holder, name: name, stater: stater, grant: link.grant.id, token: link.tokenHash)))
            }
        }
        return rules
    }
}

extension VerifiedChain.Link {
    /// The agent that it names; a holder without an ID is known by its key.
    var holderName: String { grant.claim?.agent ?? "key:\(holderThumbprint)" }
}
