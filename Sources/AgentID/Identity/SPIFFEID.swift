/// A SPIFFE ID (SPIFFE ID specification, section 2): `spiffe://trust-domain/path/of/segments`.
public struct SPIFFEID: Hashable, Sendable, CustomStringConvertible {
    /// The trust domain it belongs to.
    public let trustDomain: TrustDomain
    /// The whole ID.
    public let description: String

    /// Reads an ID: at most 2048 bytes; segments of letters, digits, `.`, `-`, `_`, none empty, `.` or `..`.
    public init(_ text: String) throws(AgentIDError) {
        let scheme = "spiffe://"
        guard text.utf8.count <= 2048 else { throw Self.malformed("a SPIFFE ID has at most 2048 bytes") }
        guard text.hasPrefix(scheme) else { throw Self.malformed("a SPIFFE ID starts with spiffe://") }
        let rest = text.dropFirst(scheme.count)
        let parts = rest.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        trustDomain = try TrustDomain(parts.first.map { String($0) } ?? "")
        if parts.count > 1 {
            for segment in parts[1].split(separator: "/", omittingEmptySubsequences: false) { try Self.check(segment) }
        }
        description = text
    }

    init(agentOf trustDomain: TrustDomain, profile: String, instance: String) {
        self.trustDomain = trustDomain
        description = "spiffe://\(trustDomain.name)/agent/\(profile)/\(instance)"
    }

    /// The ID of a sub-agent that is started under this agent.
    func child(_ name: String, instance: String) throws(AgentIDError) -> SPIFFEID {
        try Self.check(name[...])
        return try SPIFFEID("\(description)/\(name)/\(instance)")
    }

    /// Whether this ID stands below another.
    func isUnder(_ other: String) -> Bool { description.utf8.starts(with: (other + "/").utf8) }

    /// Refuses what cannot be a path segment.
    static func check(_ segment: Substring) throws(AgentIDError) {
        guard !segment.isEmpty, segment != ".", segment != ".." else {
            throw malformed("a path segment is empty, '.' or '..'")
        }
        for byte in segment.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
                continue
            default: throw malformed("a path segment is of letters, digits, '.', '-' and '_'")
            }
        }
    }

    private static func malformed(_ message: String) -> AgentIDError {
        AgentIDError(.malformed, name: "spiffe_id", message: message)
    }
}
