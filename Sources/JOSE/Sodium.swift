// The only file that calls libsodium. Everything above sees spans, arrays and `GuardedBytes`.
internal import CSodium
internal import Glibc

/// libsodium's primitives, as the modules of this package use them.
package enum Sodium {
    /// libsodium's own initialisation, once per process (thread-safe, idempotent).
    private static let isReady: Bool = sodium_init() >= 0

    package static var isAvailable: Bool { isReady }

    /// Verifies Ed25519 as strictly as RFC 8032 allows: canonical S, A and R, no key or R of small order, no cofactor.
    package static func verify(_ signature: Span<UInt8>, of message: Span<UInt8>, by key: Span<UInt8>) -> Bool {
        guard isReady, signature.count == 64, key.count == 32 else { return false }
        return unsafe signature.withUnsafeBufferPointer { signature in
            unsafe key.withUnsafeBufferPointer { key in
                unsafe message.withUnsafeBufferPointer { message in
                    guard let s = signature.baseAddress, let k = key.baseAddress else { return false }
                    return unsafe crypto_sign_ed25519_verify_detached(
                        s, message.baseAddress ?? s, UInt64(message.count), k) == 0
                }
            }
        }
    }

    /// Whether these 32 bytes are a point of Ed25519's main subgroup in its one encoding, and not of small order.
    package static func isPoint(_ key: Span<UInt8>) -> Bool {
        guard isReady, key.count == 32 else { return false }
        return unsafe key.withUnsafeBufferPointer { key in
            guard let k = key.baseAddress else { return false }
            return unsafe crypto_core_ed25519_is_valid_point(k) == 1
        }
    }

    package static func sha256(_ message: Span<UInt8>) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Int(crypto_hash_sha256_BYTES))
        unsafe message.withUnsafeBufferPointer { message in
            unsafe digest.withUnsafeMutableBufferPointer { digest in
                guard let output = digest.baseAddress else { return }
                _ = unsafe crypto_hash_sha256(
                    output, message.baseAddress ?? UnsafePointer(output), UInt64(message.count))
            }
        }
        return digest
    }

    /// SipHash-2-4 of 128 bits: without the key nobody can choose a message's place in a table.
    package static func sipHash(_ message: Span<UInt8>, key: SIMD2<UInt64>) -> SIMD2<UInt64> {
        unsafe withUnsafeBytes(of: key) { key in
            unsafe sipHash(message, key.assumingMemoryBound(to: UInt8.self))
        }
    }

    /// SipHash-2-4 of 128 bits under a secret key of 16 bytes; `nil` if the key has another length.
    package static func sipHash(_ message: Span<UInt8>, key: GuardedBytes) -> SIMD2<UInt64>? {
        guard key.count == 16 else { return nil }
        return unsafe key.withUnsafeBytes { unsafe sipHash(message, $0) }
    }

    private static func sipHash(_ message: Span<UInt8>, _ key: UnsafeBufferPointer<UInt8>) -> SIMD2<UInt64> {
        var digest = SIMD2<UInt64>(0, 0)
        unsafe message.withUnsafeBufferPointer { message in
            unsafe withUnsafeMutableBytes(of: &digest) { digest in
                let digest = unsafe digest.assumingMemoryBound(to: UInt8.self)
                guard let k = key.baseAddress, let output = digest.baseAddress else { return }
                _ = unsafe crypto_shorthash_siphashx24(
                    output, message.baseAddress ?? k, UInt64(message.count), k)
            }
        }
        return digest
    }

    /// SHA-256 of an optional tag and two messages, one after the other. Allocates nothing.
    package static func sha256(
        of tag: UInt8?, _ first: Span<UInt8>, _ second: Span<UInt8> = Span()
    ) -> InlineArray<32, UInt8> {
        var state = crypto_hash_sha256_state()
        _ = unsafe crypto_hash_sha256_init(&state)
        if var tag { _ = unsafe crypto_hash_sha256_update(&state, &tag, 1) }
        unsafe first.withUnsafeBufferPointer { part in
            if let base = part.baseAddress { _ = unsafe crypto_hash_sha256_update(&state, base, UInt64(part.count)) }
        }
        unsafe second.withUnsafeBufferPointer { part in
            if let base = part.baseAddress { _ = unsafe crypto_hash_sha256_update(&state, base, UInt64(part.count)) }
        }
        var digest = InlineArray<32, UInt8>(repeating: 0)
        var output = digest.mutableSpan
        unsafe output.withUnsafeMutableBufferPointer { output in
            if let base = output.baseAddress { _ = unsafe crypto_hash_sha256_final(&state, base) }
        }
        return digest
    }

    /// A new key for ``sipHash(_:key:)``.
    package static func sipHashKey() -> SIMD2<UInt64> {
        randomBytes(16).enumerated().reduce(into: SIMD2<UInt64>(0, 0)) { key, byte in
            key[byte.offset / 8] = key[byte.offset / 8] << 8 | UInt64(byte.element)
        }
    }

    package static func randomBytes(_ count: Int) -> [UInt8] {
        _ = isReady
        var bytes = [UInt8](repeating: 0, count: count)
        unsafe bytes.withUnsafeMutableBufferPointer { buffer in
            if let base = buffer.baseAddress { unsafe randombytes_buf(base, buffer.count) }
        }
        return bytes
    }

    /// Fills `key` with the Argon2id of a passphrase, interactive cost.
    package static func argon2id(_ passphrase: Span<UInt8>, salt: [UInt8], into key: GuardedBytes) -> Bool {
        guard isReady, salt.count == Int(crypto_pwhash_argon2id_SALTBYTES) else { return false }
        return unsafe passphrase.withUnsafeBufferPointer { passphrase in
            unsafe salt.withUnsafeBufferPointer { salt in
                unsafe key.withUnsafeMutableBytes { key in
                    guard let output = key.baseAddress, let salt = salt.baseAddress,
                        let text = passphrase.baseAddress
                    else { return false }
                    return unsafe text.withMemoryRebound(to: CChar.self, capacity: passphrase.count) { text in
                        unsafe crypto_pwhash_argon2id(
                            output, UInt64(key.count), text, UInt64(passphrase.count), salt,
                            UInt64(crypto_pwhash_argon2id_OPSLIMIT_INTERACTIVE),
                            Int(crypto_pwhash_argon2id_MEMLIMIT_INTERACTIVE), crypto_pwhash_argon2id_ALG_ARGON2ID13)
                            == 0
                    }
                }
            }
        }
    }

    package static let argon2idSaltBytes = 16
    package static let secretBoxNonceBytes = 24

    /// XSalsa20-Poly1305 of guarded bytes.
    package static func seal(_ secret: GuardedBytes, nonce: [UInt8], key: GuardedBytes) -> [UInt8]? {
        guard nonce.count == secretBoxNonceBytes, key.count == 32 else { return nil }
        var box = [UInt8](repeating: 0, count: secret.count + 16)
        let isSealed = unsafe box.withUnsafeMutableBufferPointer { box in
            unsafe nonce.withUnsafeBufferPointer { nonce in
                unsafe secret.withUnsafeBytes { secret in
                    unsafe key.withUnsafeBytes { key in
                        guard let b = box.baseAddress, let n = nonce.baseAddress, let s = secret.baseAddress,
                            let k = key.baseAddress
                        else { return false }
                        return unsafe crypto_secretbox_easy(b, s, UInt64(secret.count), n, k) == 0
                    }
                }
            }
        }
        return isSealed ? box : nil
    }

    /// Opens what ``seal(_:nonce:key:)`` made; `nil` if it was not made so. Throws for want of memory alone.
    package static func open(_ box: [UInt8], nonce: [UInt8], key: GuardedBytes) throws(JOSEError) -> GuardedBytes? {
        guard nonce.count == secretBoxNonceBytes, key.count == 32, box.count > 16 else { return nil }
        guard let secret = GuardedBytes(count: box.count - 16) else { throw .noMemory("a sealed key") }
        let isOpen = unsafe box.withUnsafeBufferPointer { box in
            unsafe nonce.withUnsafeBufferPointer { nonce in
                unsafe secret.withUnsafeMutableBytes { secret in
                    unsafe key.withUnsafeBytes { key in
                        guard let b = box.baseAddress, let n = nonce.baseAddress, let s = secret.baseAddress,
                            let k = key.baseAddress
                        else { return false }
                        return unsafe crypto_secretbox_open_easy(s, b, UInt64(box.count), n, k) == 0
                    }
                }
            }
        }
        return isOpen ? secret : nil
    }

    /// Expands a 32-byte seed into a 64-byte secret key; with a `nil` seed, makes a new one. Never leaves guarded
    /// memory.
    static func keyPair(seed: GuardedBytes?, into secretKey: GuardedBytes) -> [UInt8]? {
        guard isReady, secretKey.count == 64, seed.map({ $0.count == 32 }) ?? true else { return nil }
        var publicKey = [UInt8](repeating: 0, count: 32)
        let isMade = unsafe publicKey.withUnsafeMutableBufferPointer { publicKey in
            unsafe secretKey.withUnsafeMutableBytes { secretKey in
                guard let p = publicKey.baseAddress, let s = secretKey.baseAddress else { return false }
                guard let seed else { return unsafe crypto_sign_ed25519_keypair(p, s) == 0 }
                return unsafe seed.withUnsafeBytes { seed in
                    guard let seed = seed.baseAddress else { return false }
                    return unsafe crypto_sign_ed25519_seed_keypair(p, s, seed) == 0
                }
            }
        }
        return isMade ? publicKey : nil
    }

    static func sign(_ message: Span<UInt8>, with secretKey: GuardedBytes) -> [UInt8] {
        var signature = [UInt8](repeating: 0, count: 64)
        unsafe signature.withUnsafeMutableBufferPointer { signature in
            unsafe secretKey.withUnsafeBytes { secretKey in
                unsafe message.withUnsafeBufferPointer { message in
                    guard secretKey.count == 64, let output = signature.baseAddress, let key = secretKey.baseAddress
                    else { return }
                    _ = unsafe crypto_sign_ed25519_detached(
                        output, nil, message.baseAddress ?? key, UInt64(message.count), key)
                }
            }
        }
        return signature
    }

    /// Encodes a secret in constant time as base64url, guarded memory to guarded memory.
    static func encode(_ secret: GuardedBytes, count: Int) -> GuardedBytes? {
        let length = (count * 4 + 2) / 3 + 1
        guard count <= secret.count, let text = GuardedBytes(count: length) else { return nil }
        unsafe secret.withUnsafeBytes { secret in
            unsafe text.withUnsafeMutableBytes { text in
                guard let s = secret.baseAddress, let t = text.baseAddress else { return }
                unsafe t.withMemoryRebound(to: CChar.self, capacity: length) {
                    _ = unsafe sodium_bin2base64($0, length, s, count, sodium_base64_VARIANT_URLSAFE_NO_PADDING)
                }
            }
        }
        return text
    }

    /// Decodes a secret from base64url in constant time into guarded memory; `nil` unless it is exactly `count` bytes.
    /// Throws for want of memory alone.
    static func decode(_ text: Span<UInt8>, count: Int) throws(JOSEError) -> GuardedBytes? {
        guard isReady, let secret = GuardedBytes(count: count) else { throw .noMemory("a key") }
        let isDecoded = unsafe text.withUnsafeBufferPointer { text in
            unsafe secret.withUnsafeMutableBytes { secret in
                guard let t = text.baseAddress, let s = secret.baseAddress else { return false }
                return unsafe t.withMemoryRebound(to: CChar.self, capacity: text.count) { t in
                    var written = 0
                    var end: UnsafePointer<CChar>?
                    let status = unsafe sodium_base642bin(
                        s, count, t, text.count, nil, &written, &end, sodium_base64_VARIANT_URLSAFE_NO_PADDING)
                    return unsafe status == 0 && written == count && end == t + text.count
                }
            }
        }
        return isDecoded ? secret : nil
    }

    static func wipe(_ memory: UnsafeMutableRawPointer, _ count: Int) { unsafe sodium_memzero(memory, count) }

    package static func wipe(_ bytes: inout [UInt8]) {
        unsafe bytes.withUnsafeMutableBufferPointer { buffer in
            if let base = buffer.baseAddress { unsafe sodium_memzero(base, buffer.count) }
        }
    }
}
