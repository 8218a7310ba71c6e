internal import JOSE

/// An authority's private keys: from its directory, made in memory, or with the caller's signer.
///
/// Found by their public half: another process may have rotated since they were read.
final class SigningKeys: Sendable {
    private struct Held {
        var signers: [PublicKey: any Signer]
        var passphrase: Passphrase?
        var sealing: GuardedBytes?
    }

    private let directory: AuthorityDirectory?
    let isExternal: Bool
    /// `nil` when closed.
    private let held: Locked<Held?>

    init(directory: AuthorityDirectory?, signer: (any Signer)?, passphrase: Passphrase?) {
        self.directory = directory
        isExternal = signer != nil
        held = Locked(Held(signers: signer.map { [$0.publicKey: $0] } ?? [:], passphrase: passphrase))
    }

    func checkOpen() throws(AgentIDError) {
        guard held.withLock({ $0 != nil }) else { throw Self.closed }
    }

    /// The signer for a key that the registry names.
    func signer(for key: PublicKey) throws(AgentIDError) -> any Signer {
        try held.withLock { held throws(AgentIDError) in
            guard var open = held else { throw Self.closed }
            if let signer = open.signers[key] { return signer }
            guard let directory, !isExternal else {
                throw AgentIDError(
                    .signer, name: "signer_mismatch", message: "the signer's key is not the authority's active key",
                    at: "options.signer")
            }
            let signer = try KeyFile.read(directory.keyPath(key), in: directory.held, passphrase: open.passphrase)
            // Another process rotated: the keys held before sign nothing more.
            open.signers = [key: signer]
            held = open
            return signer
        }
    }

    /// Makes a key, and stores it if keys are stored.
    func make() throws(AgentIDError) -> PublicKey {
        let key = try Agent.newKey()
        try held.withLock { held throws(AgentIDError) in
            guard held != nil else { throw Self.closed }
            if let directory {
                try Self.write(key, to: directory.keyPath(key.publicKey), in: directory, held?.passphrase)
            }
            held?.signers[key.publicKey] = key
        }
        return key.publicKey
    }

    /// Forgets a key and removes its file: it was retired, or never came into use.
    func discard(_ key: PublicKey) {
        let gone = held.withLock { $0?.signers.removeValue(forKey: key) }
        withExtendedLifetime(gone) {}  // a caller's signer is let go of without the lock
        if let directory { Files.remove(directory.keyPath(key), in: directory.held) }
    }

    /// The signer of the audit log's checkpoints: a key of the log's own, made before the log begins, or the caller's
    /// signer.
    ///
    /// Throws where that key is missing beside a log that has begun, or is another than signed it: a new one would sign
    /// again all that the lost one had signed.
    func logSigner(of log: LogWitness) throws(AgentIDError) -> any Signer {
        try held.withLock { held throws(AgentIDError) in
            guard let open = held else { throw Self.closed }
            if isExternal, let signer = open.signers.values.first { return signer }
            guard let directory else { return try Agent.newKey() }
            guard
                let key = try Self.stored(directory.logKeyPath, in: directory, open.passphrase, mayBeNew: !log.hasBegun)
            else { throw AuthorityDirectory.lostKey(directory.logKeyPath) }
            try log.check(key.publicKey)
            return key
        }
    }

    /// The key that seals the keys of parked agents: stored like the signing keys, even if a caller's signer has those.
    ///
    /// - Parameter mayBeNew: Whether one is made where there is none.
    func sealingKey(mayBeNew: Bool) throws(AgentIDError) -> GuardedBytes? {
        try held.withLock { held throws(AgentIDError) in
            guard let open = held else { throw Self.closed }
            if let key = open.sealing { return key }
            let key: SigningKey?
            if let directory {
                key = try Self.stored(directory.parkingKeyPath, in: directory, open.passphrase, mayBeNew: mayBeNew)
            } else {
                key = mayBeNew ? try Agent.newKey() : nil
            }
            guard let key else { return nil }
            let seed: GuardedBytes
            do throws(JOSEError) { seed = try key.withSeed { $0 } } catch { throw AgentIDError(error, at: "") }
            held?.sealing = seed
            return seed
        }
    }

    /// A key in a file of its own, made if there is none yet and there may be a new one.
    private static func stored(
        _ path: String, in directory: AuthorityDirectory, _ passphrase: Passphrase?, mayBeNew: Bool
    ) throws(AgentIDError) -> SigningKey? {
        // Without the lock: a process that holds it may be frozen.
        func found() throws(AgentIDError) -> SigningKey? {
            guard try Files.isPresent(path, in: directory.held) else { return nil }
            return try KeyFile.read(path, in: directory.held, passphrase: passphrase)
        }
        if let key = try found() { return key }
        guard mayBeNew else { return nil }
        return try directory.withLock { () throws(AgentIDError) in
            if let key = try found() { return key }
            let key = try Agent.newKey()
            try write(key, to: path, in: directory, passphrase)
            return key
        }
    }

    private static func write(
        _ key: SigningKey, to path: String, in directory: AuthorityDirectory, _ passphrase: Passphrase?
    ) throws(AgentIDError) {
        // Sealed by another process meanwhile: one key in the open would give away the rest.
        if passphrase == nil, try KeyFile.isAnySealed(in: directory) {
            throw AgentIDError(
                .passphrase, name: "passphrase_missing",
                message: "the keys were sealed meanwhile: open the authority again, with the passphrase",
                at: "options.passphrase")
        }
        try KeyFile.write(key, to: path, in: directory.held, passphrase: passphrase)
    }

    /// Wipes keys and passphrase when the last call that uses them returns.
    func close() {
        let gone = held.withLock { $0.take() }
        withExtendedLifetime(gone) {}  // a caller's signer is let go of without the lock
    }

    private static let closed = AgentIDError(.state, name: "authority_closed", message: "the authority was closed")
}
