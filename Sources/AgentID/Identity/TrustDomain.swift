internal import StrictJSON

/// One administrative root of trust, e.g. `acme.example` (SPIFFE ID specification, section 2.1).
public struct TrustDomain: Sendable, CustomStringConvertible {
    /// The name.
    public let name: String

    /// Reads a name: lower-case letters, digits, `.`, `-`, `_`; 1 to 255 bytes.
    public init(_ name: String) throws(AgentIDError) {
        if let fault = name.withUTF8Span({ Self.fault(in: $0) }) {
            throw AgentIDError(.malformed, name: "trust_domain", message: fault, at: "trust_domain")
        }
        self.name = name
    }

    /// The fault in a name; `nil` if it is valid.
    static func fault(in name: Span<UInt8>) -> String? {
        guard (1...255).contains(name.count) else { return "a trust domain has 1 to 255 bytes" }
        for i in name.indices {
            switch name[i] {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."),
                UInt8(ascii: "-"), UInt8(ascii: "_"):
                continue
            default:
                return "a trust domain is of lower-case letters, digits, '.', '-' and '_'; byte \(i) is not"
            }
        }
        return nil
    }

    /// The issuer of root grants: `spiffe://acme.example`.
    public var issuer: String { "spiffe://\(name)" }
    /// The name.
    public var description: String { name }
}

extension TrustDomain: Hashable {
    /// Whether both have the same name, byte for byte.
    public static func == (one: TrustDomain, other: TrustDomain) -> Bool { one.name.isSame(as: other.name) }
    /// Hashes the name's bytes.
    public func hash(into hasher: inout Hasher) { hasher.combine(name.exact) }
}
