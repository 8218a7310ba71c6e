internal import JOSE

/// A credential in its agent's hands.
struct HeldCredential: Sendable {
    let token: String
    /// The key it is for.
    let key: PublicKey
    /// The authority's key that signed it; `nil` where that is not known here.
    var signer: PublicKey?
    /// When half its life is over, in seconds since 1970; `nil` where nobody here renews it.
    var renewAt: Int64?
}
