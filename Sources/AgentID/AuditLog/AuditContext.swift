internal import StrictJSON
internal import Synchronization

/// What every entry says of a chain, as pieces of JSON that are made once: an entry is written at every call.
///
/// In one array and in the order of an entry, so that pieces between which an entry has nothing to add are one. Every
/// member brings the comma after it: an entry ends with its tool, and may begin with any.
final class AuditContext: Sendable {
    /// No other context of this process has it.
    let number = AuditMark.nextNumber()
    let bytes: [UInt8]
    /// `{"agent":…,`, or `{` where the leaf names none.
    let agent: Range<Int>
    /// `"chain":[…],`, empty where none was verified.
    let chain: Range<Int>
    /// `"intent":…,`, where the root names one, `"issuer":…,`, where a chain was verified, and `"kind":"decision",`
    let intent: Range<Int>
    /// `"owner":…,`, empty where the root names none; so the following.
    let owner: Range<Int>
    /// `"principal":…,"profile":…,`
    let principal: Range<Int>
    /// `"sequence":`
    let sequence: Range<Int>
    /// `,"task":…,"time_ms":`
    let task: Range<Int>

    /// Of a decision for which no chain was verified.
    static let none = AuditContext([], nil, chain: [])

    convenience init(_ links: [VerifiedChain.Link], _ issuer: ChainIssuer) {
        let tree = JSONTree.array(
            links.map { link in
                var members: JSONTree.Members = [
                    "jti": .string(link.grant.id), "sha256": .string(link.tokenHash),
                ]
                if let agent = link.grant.claim?.agent {
                    members["agent"] = .string(agent)
                } else {
                    members["key"] = .string(link.holderThumbprint)
                }
                return .object(members)
            })
        self.init(links, issuer, chain: Array("\"chain\":".utf8) + tree.canonical() + Array(",".utf8))
    }

    private init(_ links: [VerifiedChain.Link], _ issuer: ChainIssuer?, chain: [UInt8]) {
        let root = links.first?.grant.claim
        var bytes: [UInt8] = []
        func add(_ piece: [UInt8]) -> Range<Int> {
            bytes += piece
            return bytes.count - piece.count..<bytes.count
        }
        agent = add(Array("{".utf8) + Self.member("agent", links.last?.grant.claim?.agent))
        self.chain = add(chain)
        let from = issuer.map { Array("\"issuer\":".utf8) + $0.tree.canonical() + Array(",".utf8) } ?? []
        intent = add(Self.member("intent", root?.intent) + from + Array(#""kind":"decision","#.utf8))
        owner = add(Self.member("owner", root?.owner))
        principal = add(Self.member("principal", root?.principal) + Self.member("profile", root?.profile))
        sequence = add(Array(#""sequence":"#.utf8))
        task = add(Array(",".utf8) + Self.member("task", root?.task) + Array(#""time_ms":"#.utf8))
        self.bytes = bytes
    }

    /// Whether the entries of calls under these links have room for all that they must say of them.
    static func fits(_ links: [VerifiedChain.Link], _ issuer: ChainIssuer) -> Bool {
        // Reckoned from above first, which is enough for nearly all.
        var most = 1024 + AuditBounds.escaped * issuer.name.utf8.count
        for link in links {
            most += AuditBounds.escaped * link.grant.id.utf8.count + (link.grant.claim?.agent?.utf8.count ?? 0) + 512
        }
        if let root = links.first?.grant.claim {
            for text in [root.intent, root.owner, root.principal, root.profile, root.task] {
                most += AuditBounds.escaped * (text?.utf8.count ?? 0)
            }
        }
        most += links.last?.grant.claim?.agent?.utf8.count ?? 0
        return most <= AuditBounds.context || AuditContext(links, issuer).bytes.count <= AuditBounds.context
    }

    /// The entry of a permitted call at a guard, with holes.
    func template(_ mark: AuditMark) -> [UInt8] {
        var entry: [UInt8] = []
        func add(_ range: Range<Int>) { entry += bytes[range] }
        func add(_ text: String) { entry += Array(text.utf8) }
        func leave(_ hole: AuditTemplate.Hole) { entry.append(hole.rawValue) }
        add(agent)
        leave(.arguments)
        add(chain)
        add(#""decision":"permit","#)
        leave(.digest)
        entry += mark.bytes
        leave(.number)
        add("\",")
        for range in [intent, owner, principal, sequence] { add(range) }
        leave(.sequence)
        add(task)
        leave(.time)
        add(#","tool":"#)
        leave(.tool)
        add("}")
        return entry
    }

    /// A member of an object and the comma after it; empty where there is no text.
    static func member(_ name: String, _ text: String?) -> [UInt8] {
        guard let text else { return [] }
        var piece = Array("\"\(name)\":".utf8)
        JCS.appendString(text, to: &piece)
        piece.append(UInt8(ascii: ","))
        return piece
    }
}

extension VerifiedChain {
    /// What the audit log says of it; made when it is first asked for.
    var auditContext: AuditContext { memo { AuditContext(links, issuer) } }
}

/// What all entries of a guard say of it.
final class AuditMark: Sendable {
    /// No other mark or context of this process has it.
    let number = AuditMark.nextNumber()
    /// `"guard":…,"id":"…`: the guard's name, where it has one, and the start of its decisions' IDs.
    let bytes: [UInt8]
    /// The guard's name.
    let guardian: String?

    init(_ audience: String?, _ process: AuditProcess) {
        guardian = audience
        bytes = AuditContext.member("guard", audience) + Array(#""id":""#.utf8) + process.name
    }

    private static let numbers = Atomic<UInt64>(0)

    static func nextNumber() -> UInt64 { numbers.add(1, ordering: .relaxed).newValue }
}
