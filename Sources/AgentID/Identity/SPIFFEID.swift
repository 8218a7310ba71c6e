internal import StrictJSON

/// A SPIFFE ID (SPIFFE ID specification, section 2): `spiffe://trust-domain/path/of/segments`.
public struct SPIFFEID: Sendable, CustomStringConvertible {
    /// The trust domain it belongs to.
    public let trustDomain: TrustDomain
    /// The whole ID.
    public let description: String

    /// Reads an ID: at most 2048 bytes; segments of letters, digits, `.`, `-`, `_`, none empty, `.` or `..`.
    public init(_ text: String) throws(AgentIDError) {
        switch text.withUTF8Span({ Self.scan($0) }) {
        case .failure(let error): throw error
        case .success(let domain):
            trustDomain = try TrustDomain(
                String(decoding: text.utf8.prefix(domain.upperBound).dropFirst(domain.lowerBound), as: UTF8.self))
        }
        description = text
    }

    private static let scheme = Array("spiffe://".utf8)

    /// Checks that a text is an ID; returns the range of its trust domain.
    static func scan(_ text: Span<UInt8>) -> Result<Range<Int>, AgentIDError> {
        let scheme = scheme
        guard text.count <= 2048 else { return .failure(malformed("a SPIFFE ID has at most 2048 bytes")) }
        guard text.starts(with: scheme.span) else {
            return .failure(
                malformed("a SPIFFE ID starts with spiffe://, such as spiffe://acme.example/agent/reader/1"))
        }
        let slash = text.firstIndex(of: UInt8(ascii: "/"), from: scheme.count) ?? text.count
        let domain = scheme.count..<slash
        if let fault = TrustDomain.fault(in: text.extracting(domain)) { return .failure(malformed(fault)) }
        var start = slash
        while start < text.count {
            let end = text.firstIndex(of: UInt8(ascii: "/"), from: start + 1) ?? text.count
            if let fault = fault(inSegment: text.extracting(start + 1..<end)) { return .failure(malformed(fault)) }
            start = end
        }
        return .success(domain)
    }

    init(agentOf trustDomain: TrustDomain, profile: String, instance: String) {
        self.trustDomain = trustDomain
        description = "spiffe://\(trustDomain.name)/agent/\(profile)/\(instance)"
    }

    /// The ID of a sub-agent started under this agent.
    func child(_ name: String, instance: String) throws(AgentIDError) -> SPIFFEID {
        try Self.check(name[...])
        return try SPIFFEID("\(description)/\(name)/\(instance)")
    }

    /// Whether one ID is below another.
    static func isUnder(_ child: String, _ parent: String) -> Bool {
        child.withUTF8Span { child in
            parent.withUTF8Span { parent in
                child.count > parent.count && child[parent.count] == UInt8(ascii: "/") && child.starts(with: parent)
            }
        }
    }

    /// An ID and every ID above it, longest first, each made on demand.
    static func ancestry(of id: String) -> some Sequence<String> {
        sequence(first: id) { id in
            guard let slash = id.utf8.lastIndex(of: UInt8(ascii: "/")) else { return nil }
            let parent = id[..<slash]
            return parent.utf8.count > scheme.count ? String(parent) : nil
        }
    }

    /// Refuses a text that cannot be a path segment.
    static func check(_ segment: Substring) throws(AgentIDError) {
        if let fault = String(segment).withUTF8Span({ fault(inSegment: $0) }) { throw malformed(fault) }
    }

    private static func fault(inSegment segment: Span<UInt8>) -> String? {
        let isDots = (1...2).contains(segment.count) && segment[0] == 0x2E && segment[segment.count - 1] == 0x2E
        if segment.isEmpty || isDots { return "a path segment is empty, '.' or '..'" }
        for i in segment.indices {
            switch segment[i] {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
                continue
            default: return "a path segment is of the letters a-z and A-Z, digits, '.', '-' and '_'; byte \(i) is not"
            }
        }
        return nil
    }

    private static func malformed(_ message: String) -> AgentIDError {
        AgentIDError(.malformed, name: "spiffe_id", message: message)
    }
}

extension SPIFFEID: Hashable {
    /// Whether both are the same ID, byte for byte.
    public static func == (one: SPIFFEID, other: SPIFFEID) -> Bool { one.description.isSame(as: other.description) }
    /// Hashes the ID's bytes.
    public func hash(into hasher: inout Hasher) { hasher.combine(description.exact) }
}
