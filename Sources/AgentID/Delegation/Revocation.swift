internal import JOSE

/// A fact that invalidates a grant, a key, an agent, a profile, a principal or a signing key, and all that descends.
public struct Revocation: Hashable, Sendable {
    /// What is revoked; the number is the C interface's.
    public enum Kind: Int32, Sendable, CaseIterable {
        /// A grant, by its `jti`, and all derived from it.
        case grant
        /// A holder's key, by its thumbprint, with every chain that goes through it.
        case key
        /// An agent, by its ID, and all below it.
        case agent
        /// A profile, by its name, with its agents.
        case profile
        /// A principal, by their URI, with the agents that act for them.
        case principal
        /// A signing key of an authority, by its thumbprint, with all it signed.
        case issuer

        /// The kind's name, e.g. `grant`.
        public var name: String { String(describing: self) }

        /// The kind of this name.
        public init?(name: String) {
            guard let kind = Kind.allCases.first(where: { $0.name.isSame(as: name) }) else { return nil }
            self = kind
        }
    }

    /// What is revoked.
    public let kind: Kind
    /// Its name: a `jti`, a thumbprint, an ID, a profile's name, a URI.
    public let value: String

    /// A revocation; refuses an empty or overlong value, and an agent that is no SPIFFE ID.
    public init(_ kind: Kind, _ value: String) throws(AgentIDError) {
        guard (1...2048).contains(value.utf8.count) else {
            throw AgentIDError(
                .argument, name: "revocation", message: "a revocation names something of 1 to 2048 bytes", at: "value")
        }
        if kind == .agent { _ = try SPIFFEID(value) }
        (self.kind, self.value) = (kind, kind == .key || kind == .issuer ? Self.thumbprint(value) : value)
    }

    /// A key's thumbprint, which tokens write as a URN as well.
    private static func thumbprint(_ name: String) -> String {
        guard name.starts(exactly: TokenType.thumbprintURI) else { return name }
        return String(decoding: name.utf8.dropFirst(TokenType.thumbprintURI.utf8.count), as: UTF8.self)
    }

    /// Whether both name the same thing, byte for byte, as a guard compares them.
    public static func == (one: Revocation, other: Revocation) -> Bool {
        one.kind == other.kind && one.value.isSame(as: other.value)
    }

    /// Hashes the kind and the bytes of the name.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(kind)
        hasher.combine(value.exact)
    }

    init(unchecked kind: Kind, _ value: String) {
        (self.kind, self.value) = (kind, value)
    }
}
