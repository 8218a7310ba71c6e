internal import JOSE
package import StrictJSON

extension AuditReader {
    /// The digest of these arguments in the audit log of an authority's directory, whichever guard wrote it.
    ///
    /// Needs the directory's digest key, which only its owner can read.
    package static func digest(of arguments: JSON.Value, authority path: String) throws(AgentIDError) -> String {
        guard let key = try AuthorityDirectory(reading: path).digestKey() else {
            throw AgentIDError(
                .notFound, name: "digest_key",
                message: "the key of the digests cannot be read: only the owner of the directory can compare arguments",
                at: "keys/digest")
        }
        let canonical = arguments.canonical()
        return Sodium.sipHash(canonical.span, key: key).map(AuditTrail.text) ?? ""
    }
}

extension AuditTrail {
    /// A digest as entries hold it.
    static func text(_ digest: SIMD2<UInt64>) -> String {
        let digits = ByteWriter.bytes(32) { digits in
            digits.put(hexadecimal: digest.x)
            digits.put(hexadecimal: digest.y)
        }
        return String(decoding: digits, as: UTF8.self)
    }
}
