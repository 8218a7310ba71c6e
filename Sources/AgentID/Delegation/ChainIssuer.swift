package import StrictJSON

/// The authority that a chain comes from, which vouches for the names in its root.
///
/// A domain speaks for its own agents. Anything else it names - a principal, an owner, a profile, a task - is its own
/// word, and is shown as that.
public struct ChainIssuer: Sendable {
    /// The key that signed the root, as its RFC 7638 thumbprint.
    public let key: String
    /// The trust domain that the key speaks for: its bundle's, or for a bare key the one named by the root's `iss`, if
    /// any.
    public let domain: TrustDomain?
    /// The domain of the registry that the guard follows; `nil` if it follows none.
    package let home: TrustDomain?
    /// The root's `iss`, if that is not a trust domain.
    private let named: String

    /// The most bytes shown of an issuer that is not a trust domain.
    private static let most = 256

    init(of root: VerifiedChain.Link, home: TrustDomain?) {
        let named = root.grant.issuer.string ?? ""
        key = root.anchor?.thumbprint ?? ""
        domain = root.anchor?.domain ?? Self.domain(of: root.grant.issuer)
        (self.named, self.home) = (named.prefix(bytes: Self.most), home)
    }

    /// The trust domain that an `iss` names.
    static func domain(of issuer: JSON.Value) -> TrustDomain? {
        issuer.string.flatMap { try? SPIFFEID($0) }?.trustDomain
    }

    /// Whether the chain belongs to the domain whose registry the guard follows.
    var isOwn: Bool { home != nil && domain == home }

    /// Whether the guard follows the registry of another domain. A guard without a registry has no domain of its own.
    public var isForeign: Bool { home != nil && domain != home }

    /// The domain's name, or the issuer that the root names.
    public var name: String { domain?.name ?? named }

    /// A name in the root as people read it, followed by the domain that vouches for it if that is not the reader's
    /// own.
    package func says(_ text: String) -> PrintableText { isOwn ? PrintableText(text) : "\(text) (as \(name) says)" }

    /// The issuer as documents hold it.
    package var tree: JSONTree {
        var members: JSONTree.Members = ["key": .string(key)]
        if let domain { members["domain"] = .string(domain.name) } else { members["iss"] = .string(named) }
        if isForeign { members["foreign"] = true }
        return .object(members)
    }
}
