internal import JOSE
internal import StrictJSON

/// The library's version.
public enum Version {
    /// The version, as semver.
    public static let text = "0.1.0"
    /// The version of the C interface.
    public static let abi: UInt32 = 1
}

/// Known answers, checked in the process that will rely on them.
public enum SelfTest {
    /// Throws an error that names the check that failed. `memory_not_locked` is the last check: it is thrown only if
    /// all others passed.
    public static func run() throws(AgentIDError) {
        func check(_ holds: Bool, _ name: String) throws(AgentIDError) {
            if !holds {
                throw AgentIDError(.internal, name: "selftest", message: "the self-test of \(name) failed", at: name)
            }
        }
        // RFC 8037 appendix A: key, thumbprint and signature.
        let jwk =
            #"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#
        let input = Array("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc".utf8)
        let expected = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        let bytes = Array(jwk.utf8)
        let key: SigningKey
        do throws(JOSEError) { key = try SigningKey(jwk: bytes.span) } catch {
            throw AgentIDError(
                .internal, name: "selftest", message: "the self-test failed: \(error)", at: "guarded memory")
        }
        try check(key.publicKey.thumbprint.isSame(as: "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"), "SHA-256")
        let signature = key.sign(input.span)
        try check(Base64URL.encode(signature).isSame(as: expected), "Ed25519 signing")
        try check(key.publicKey.verifies(signature.span, of: input.span), "Ed25519 verification")
        try check(!key.publicKey.verifies(signature.span, of: bytes.span), "Ed25519 refusal")
        let canonical = (try? JSON(parsing: #"{"b":1e2,"a":"\u00e9"}"#))?.root.canonical()
        try check(canonical == Array(#"{"a":"é","b":100}"#.utf8), "JCS")
        guard SecretMemory.isLocked else {
            throw AgentIDError(
                .limit, name: "memory_not_locked",
                message: "all else holds, but secrets may be swapped out: raise RLIMIT_MEMLOCK (ulimit -l), allow "
                    + "mlock, or run without swap", at: "guarded memory")
        }
    }
}
