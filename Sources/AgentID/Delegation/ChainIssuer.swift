package import StrictJSON

/// The authority that a chain comes from: whose word the names in its root are.
///
/// A domain speaks for its own agents. Whom else it names - a principal, an owner, a profile, a task - is what it says,
/// and is shown as that.
public struct ChainIssuer: Sendable {
    /// The key that signed the root, as its RFC 7638 thumbprint.
    public let key: String
    /// The trust domain that it speaks for: its bundle's, or for a bare key the one that the root's `iss` names, if any.
    public let domain: TrustDomain?
    /// The domain of the registry that the guard follows; `nil` where it follows none.
    package let home: TrustDomain?
    /// What the root's `iss` says, where that is not a trust domain.
    private let named: String

    /// More bytes of an issuer that is not a trust domain are not shown.
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

    /// Whether the chain is of the domain whose registry the guard follows.
    var isOwn: Bool { home != nil && domain == home }

    /// Whether the guard follows the registry of another domain. A guard without a registry has no domain of its own.
    public var isForeign: Bool { home != nil && domain != home }

    /// The domain's name, or what the root says of its issuer.
    public var name: String { domain?.name ?? named }

    /// A name in the root as people read it: with whose word it is, where that is not the reader's own domain's.
    package func says(_ text: String) -> PrintableText { isOwn ? PrintableText(text) : "\(text) (as \(name) says)" }

    /// As documents have it.
    package var tree: JSONTree {
        var members: JSONTree.Members = ["key": .string(key)]
        if let domain { members["domain"] = .string(domain.name) } else { members["iss"] = .string(named) }
        if isForeign { members["foreign"] = true }
        return .object(members)
    }
}
