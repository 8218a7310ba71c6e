internal import JOSE
internal import StrictJSON

extension LoggedGrant {
    /// Whether a stored grant is this very one.
    func isOf(_ record: GrantRecord) -> Bool { record.tokenHash.isSame(as: tokenHash) }
}

extension GrantRecord {
    /// The SHA-256 of the grant's own token, the last of its chain, base64url.
    var tokenHash: String {
        let chain = Array(chain.utf8)
        let start = chain.lastIndex(of: UInt8(ascii: "~")).map { $0 + 1 } ?? 0
        return Base64URL.encode(Sodium.sha256(chain.span.extracting(start..<chain.count)))
    }
}
