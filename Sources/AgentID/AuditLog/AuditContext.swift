internal import StrictJSON
internal import Synchronization

/// The part of an entry that is the same for every call under a chain, as pieces of JSON made once: an entry is written
/// at every call.
///
/// The pieces are in one array in the order of an entry, so that neighbouring pieces can be copied as one. Every member
/// includes the comma after it: an entry ends with its tool, and may begin with any member.
final class AuditContext: Sendable {
    /// A number that no other context of this process has.
    let number = AuditMark.nextNumber()
    let bytes: [UInt8]
    /// `{"agent":…,`, or `{` if the leaf names none.
    let agent: Range<Int>
    /// `"chain":[…],`, empty if none was verified.
    let chain: Range<Int>
    /// `"intent":…,` if the root names one, `"issuer":…,` if a chain was verified, and `"kind":"decision",`.
    let intent: Range<Int>
    /// `"owner":…,`, empty if the root names none; the following likewise.
    let owner: Range<Int>
    /// `"policy":…,`, where a policy was in force, and `"principal":…,"profile":…,`
    let principal: Range<Int>
    /// `"sequence":`
    let sequence: Range<Int>
    /// `,"task":…,"time_ms":`
    let task: Range<Int>

    /// The context of a decision without a verified chain.
    static let none = AuditContext([], nil, chain: [])

    /// - Parameter policy: the version of the policy that the calls were decided under; `nil` for none.
    convenience init(_ links: [VerifiedChain.Link], _ issuer: ChainIssuer, policy: Int64? = nil) {
        let tree = JSONTree.array(
            links.enumerated().map { i, link in
                var members: JSONTree.Members = [
                    "jti": .string(link.grant.id), "sha256": .string(link.tokenHash),
                ]
                if let agent = link.grant.claim?.agent {
                    members["agent"] = .string(agent)
                } else {
                    members["key"] = .string(link.holderThumbprint)
                }
                // Of a root it says what its agent starts, of another what that agent is.
                if i > 0, link.grant.claim?.isIsolated == true { members["isolated"] = true }
                return .object(members)
            })
        self.init(links, issuer, chain: Array("\"chain\":".utf8) + tree.canonical() + Array(",".utf8), policy)
    }

    private init(_ links: [VerifiedChain.Link], _ issuer: ChainIssuer?, chain: [UInt8], _ policy: Int64? = nil) {
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
        let version = policy.map { Array("\"policy\":\($0),".utf8) } ?? []
        principal = add(version + Self.member("principal", root?.principal) + Self.member("profile", root?.profile))
        sequence = add(Array(#""sequence":"#.utf8))
        task = add(Array(",".utf8) + Self.member("task", root?.task) + Array(#""time_ms":"#.utf8))
        self.bytes = bytes
    }

    /// Whether the entries of calls under these links have room for all their parts.
    static func fits(_ links: [VerifiedChain.Link], _ issuer: ChainIssuer) -> Bool {
        // An upper bound first, which settles nearly all.
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
        return most <= AuditBounds.context
            || AuditContext(links, issuer, policy: .max).bytes.count <= AuditBounds.context
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

    /// A member of an object and the comma after it; empty if there is no text.
    static func member(_ name: String, _ text: String?) -> [UInt8] {
        guard let text else { return [] }
        var piece = Array("\"\(name)\":".utf8)
        JCS.appendString(text, to: &piece)
        piece.append(UInt8(ascii: ","))
        return piece
    }
}

extension VerifiedChain {
    /// The chain's part of an audit entry, made on first use.
    var auditContext: AuditContext { memo { AuditContext(links, issuer) } }
}

/// The part that all entries of a guard share.
final class AuditMark: Sendable {
    /// A number that no other mark or context of this process has.
    let number = AuditMark.nextNumber()
    /// `"guard":…,"id":"…`: the guard's name, if it has one, and the start of its decisions' IDs.
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
