internal import JOSE
internal import StrictJSON

/// A fact that invalidates a grant, a key, an agent, a profile, a principal or a signing key, and all that descends.
public struct Revocation: Hashable, Sendable {
    /// The kind of object revoked; the number is the C interface's.
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

    /// The kind of object revoked.
    public let kind: Kind
    /// The object's name: a `jti`, a thumbprint, an ID, a profile's name, a URI.
    public let value: String

    /// A revocation. Refuses values that cannot name such an object: a mistyped one would revoke nothing.
    ///
    /// - Throws: `revocation` if the value is not a grant's `jti` of 1 to 256 bytes, a thumbprint (RFC 7638, also as
    ///   a URN), a SPIFFE ID, a profile's name, or a URI, whichever the kind asks for.
    public init(_ kind: Kind, _ value: String) throws(AgentIDError) {
        func refuse(_ rule: String) -> AgentIDError {
            AgentIDError(.argument, name: "revocation", message: rule, at: "value")
        }
        var value = value
        switch kind {
        case .grant:
            guard (1...AuditBounds.grantID).contains(value.utf8.count) else {
                throw refuse("a grant is named by its jti, of 1 to \(AuditBounds.grantID) bytes")
            }
        case .key, .issuer:
            value = Self.thumbprint(value)
            guard value.utf8.count == 43, (try? Base64URL.decode(value)) != nil else {
                throw refuse(
                    "a \(kind == .key ? "key" : "signing key") is named by its thumbprint (RFC 7638): 43 characters of "
                        + "base64url, or their URN")
            }
        case .agent:
            let id: SPIFFEID
            do throws(AgentIDError) { id = try SPIFFEID(value) } catch {
                throw refuse("an agent is named by its SPIFFE ID: \(error.message)")
            }
            guard value.utf8.count > id.trustDomain.issuer.utf8.count else {
                throw refuse("this names a trust domain: an agent's ID has a path, such as /agent/PROFILE/INSTANCE")
            }
        case .profile:
            do throws(AgentIDError) { try Profile.check(name: value) } catch {
                throw refuse("a profile is named by its name: \(error.message)")
            }
        case .principal:
            do throws(AgentIDError) { try URI.check(value, at: "value") } catch {
                throw refuse("a principal is named by a URI: \(error.message)")
            }
        }
        (self.kind, self.value) = (kind, value)
    }

    /// A key's thumbprint, which tokens write as a URN as well.
    private static func thumbprint(_ name: String) -> String {
        guard name.starts(exactly: TokenType.thumbprintURI) else { return name }
        return String(decoding: name.utf8.dropFirst(TokenType.thumbprintURI.utf8.count), as: UTF8.self)
    }

    /// Whether both name the same object, byte for byte, as a guard compares them.
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
