internal import JOSE

/// A credential held by its agent.
struct HeldCredential: Sendable {
    let token: String
    /// The key it is for.
    let key: PublicKey
    /// The authority's key that signed it; `nil` if that is not known here.
    var signer: PublicKey?
    /// The time when half its life is over, in seconds since 1970; `nil` if nothing here renews it.
    var renewAt: Int64?
}
