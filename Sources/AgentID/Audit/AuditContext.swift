internal import JOSE

/// What every entry says of a chain, as pieces of JSON that are made once: an entry is written at every call.
final class AuditContext: Sendable {
    /// `{"agent":…`, where the leaf names one.
    let agent: [UInt8]
    /// `,"chain":[…]`
    let chain: [UInt8]
    /// `,"intent":…`, empty where the root names none; so the following.
    let intent: [UInt8]
    let owner: [UInt8]
    /// `,"principal":…,"profile":…`
    let principal: [UInt8]
    let task: [UInt8]
    /// The bytes of all of them.
    let count: Int

    init(_ links: [VerifiedChain.Link]) {
        let root = links.first?.grant.claim
        agent = Self.member("agent", links.last?.grant.claim?.agent, after: "{")
        intent = Self.member("intent", root?.intent)
        owner = Self.member("owner", root?.owner)
        principal = Self.member("principal", root?.principal) + Self.member("profile", root?.profile)
        task = Self.member("task", root?.task)
        let tree = JSONTree.array(
            links.map { link in
                var members: [String: JSONTree] = ["jti": .string(link.grant.id)]
                if let agent = link.grant.claim?.agent {
                    members["agent"] = .string(agent)
                } else {
                    members["key"] = .string(link.holderThumbprint)
                }
                return .object(members)
            })
        chain = Array(",\"chain\":".utf8) + tree.canonical()
        count = agent.count + chain.count + intent.count + owner.count + principal.count + task.count
    }

    /// A member of an object, behind what goes before it.
    static func member(_ name: String, _ text: String?, after: String = ",") -> [UInt8] {
        guard let text else { return [] }
        var piece = Array("\(after)\"\(name)\":".utf8)
        JCS.appendString(text, to: &piece)
        return piece
    }
}

/// What an entry says of a denial, as pieces of JSON.
struct AuditDenial {
    let argument: [UInt8]
    /// `,"link":…,"message":…`
    let link: [UInt8]
    let place: [UInt8]
    let reason: [UInt8]

    init(_ denial: Denial) {
        argument = AuditContext.member("argument", denial.argument)
        let number = denial.link.map { Array(",\"link\":\($0)".utf8) } ?? []
        link = number + AuditContext.member("message", denial.message)
        place = AuditContext.member("place", denial.place.isEmpty ? nil : denial.place)
        reason = AuditContext.member("reason", denial.reason.rawValue)
    }

    var count: Int { argument.count + link.count + place.count + reason.count }
}
