/// One administrative root of trust, e.g. `acme.example` (SPIFFE ID specification, section 2.1).
public struct TrustDomain: Hashable, Sendable, CustomStringConvertible {
    /// The name.
    public let name: String

    /// Lower-case letters, digits, `.`, `-`, `_`; 1 to 255 bytes.
    public init(_ name: String) throws(AgentIDError) {
        guard (1...255).contains(name.utf8.count) else {
            throw AgentIDError(
                .malformed, name: "trust_domain", message: "a trust domain has 1 to 255 bytes", at: "trust_domain")
        }
        for (i, byte) in name.utf8.enumerated() {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."),
                UInt8(ascii: "-"), UInt8(ascii: "_"):
                continue
            default:
                throw AgentIDError(
                    .malformed, name: "trust_domain",
                    message: "a trust domain is of lower-case letters, digits, '.', '-' and '_'; byte \(i) is not",
                    at: "trust_domain")
            }
        }
        self.name = name
    }

    /// The issuer of root grants: `spiffe://acme.example`.
    public var issuer: String { "spiffe://\(name)" }
    /// The name.
    public var description: String { name }
}
