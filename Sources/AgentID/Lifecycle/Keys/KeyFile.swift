internal import JOSE
internal import StrictJSON

/// A signing key at rest: a private JWK, or sealed under a passphrase (Argon2id, XSalsa20-Poly1305).
enum KeyFile {
    static func write(
        _ key: SigningKey, to path: String, in held: HeldDirectory? = nil, passphrase: Passphrase?
    ) throws(AgentIDError) {
        do {
            guard let passphrase else {
                let result: Result<Void, AgentIDError> = try key.withExportedJWK { jwk in
                    do throws(AgentIDError) { return .success(try Files.replace(path, with: jwk, in: held)) } catch {
                        return .failure(error)
                    }
                }
                return try result.get()
            }
            let salt = Sodium.randomBytes(Sodium.argon2idSaltBytes)
            let nonce = Sodium.randomBytes(Sodium.secretBoxNonceBytes)
            let wrapping = try wrappingKey(passphrase, salt: salt)
            guard let box = try key.withSeed({ Sodium.seal($0, nonce: nonce, key: wrapping) }) else {
                throw AgentIDError(.internal, name: "seal", message: "the key could not be sealed")
            }
            let document: JSONTree = [
                "kdf": "argon2id13-interactive", "cipher": "xsalsa20-poly1305", "salt": .string(Base64URL.encode(salt)),
                "nonce": .string(Base64URL.encode(nonce)), "box": .string(Base64URL.encode(box)),
            ]
            try Files.replace(path, with: document.canonical().span, in: held)
        } catch let error as JOSEError {
            throw AgentIDError(error, at: path)
        } catch let error as AgentIDError {
            throw error
        } catch {
            throw AgentIDError(.internal, name: "key_file", message: "\(error)", at: path)
        }
    }

    /// Refuses a passphrase for a key that is stored in the open: it would protect nothing.
    static func read(
        _ path: String, in held: HeldDirectory? = nil, passphrase: Passphrase?
    ) throws(AgentIDError) -> SigningKey {
        let (key, isSealed) = try open(path, in: held, passphrase: passphrase)
        guard isSealed || passphrase == nil else { throw Passphrase.unused }
        return key
    }

    /// The public half of a key stored in the open; `nil` for a sealed one. Throws if the file holds neither.
    static func inspect(_ path: String) throws(AgentIDError) -> PublicKey? {
        do throws(AgentIDError) { return try open(path, passphrase: nil).key.publicKey } catch {
            guard error.code == .passphrase else { throw error }
            return nil
        }
    }

    static func open(
        _ path: String, in held: HeldDirectory? = nil, passphrase: Passphrase?
    ) throws(AgentIDError) -> (key: SigningKey, isSealed: Bool) {
        var bytes = try Files.read(path, isSecret: true, in: held)
        defer { Sodium.wipe(&bytes) }
        do throws(JOSEError) { return (try SigningKey(jwk: bytes.span), false) } catch {
            if error.isOfMemory { throw AgentIDError(error, at: path) }
            // Not a plain key: then it must be a sealed one, which holds no secret in the open.
        }
        guard let root = try? JSON(parsing: bytes).root, root["kdf"]?.equals("argon2id13-interactive") == true,
            let salt = root["salt"]?.string.flatMap({ try? Base64URL.decode($0) }),
            let nonce = root["nonce"]?.string.flatMap({ try? Base64URL.decode($0) }),
            let box = root["box"]?.string.flatMap({ try? Base64URL.decode($0) }), box.count == 48
        else {
            throw AgentIDError(
                .malformed, name: "key_file", message: "the file holds no key this library knows", at: path)
        }
        guard let passphrase else {
            throw AgentIDError(
                .passphrase, name: "passphrase_missing",
                message: "the keys are sealed: their passphrase is needed (agentidctl: --passphrase-file)",
                at: "options.passphrase")
        }
        let wrapping = try wrappingKey(passphrase, salt: salt)
        do throws(JOSEError) {
            if let seed = try Sodium.open(box, nonce: nonce, key: wrapping) {
                return (try SigningKey(guardedSeed: seed), true)
            }
        } catch { throw AgentIDError(error, at: path) }
        throw AgentIDError(
            .passphrase, name: "passphrase_wrong", message: "the passphrase does not open the keys",
            at: "options.passphrase")
    }

    /// Whether a directory has a key that is not in the open.
    static func isAnySealed(in directory: AuthorityDirectory) throws(AgentIDError) -> Bool {
        for name in try Files.names(in: "\(directory.path)/keys", isReader: false, of: directory.held) ?? []
        where name.ends(exactly: ".jwk") {
            var bytes = try Files.read("\(directory.path)/keys/\(name)", isSecret: true, in: directory.held)
            defer { Sodium.wipe(&bytes) }
            do throws(JOSEError) { _ = try SigningKey(jwk: bytes.span) } catch {
                if error.isOfMemory { throw AgentIDError(error, at: name) }
                return true
            }
        }
        return false
    }

    private static func wrappingKey(_ passphrase: Passphrase, salt: [UInt8]) throws(AgentIDError) -> GuardedBytes {
        guard let key = GuardedBytes(count: 32),
            passphrase.bytes.withSpan({ Sodium.argon2id($0, salt: salt, into: key) })
        else {
            throw AgentIDError(.internal, name: "argon2id", message: "no memory to derive a key from the passphrase")
        }
        return key
    }
}
