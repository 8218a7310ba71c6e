internal import JOSE

/// What was made of a directory that was restored.
package struct Restoration: Sendable {
    /// How many agents lapsed with it.
    package let lapsed: Int
    /// The thumbprints of the signing keys that are good for nothing any more.
    package let revoked: [String]
    /// The key that signs from now on; `nil` where the keys are not in the directory.
    package let signing: String?
}

extension Authority {
    /// Goes on with a directory of which all or a part was put back from a backup: the one call that takes what it finds
    /// there for the truth.
    ///
    /// Nobody knows what was revoked since that backup. So in one transaction every lease lapses, a new key signs and all
    /// others are revoked: no chain from before is permitted any more, by a guard of the directory or one that is told of
    /// revocations. The registry begins a new epoch: whoever has it open is denied until it is opened anew. May be done
    /// again where it was interrupted.
    package static func acceptRestored(
        directory path: String, passphrase: Passphrase?, clock: any WallClock = SystemClock()
    ) throws(AgentIDError) -> Restoration {
        guard try AuthorityDirectory.holdsAuthority(path) else {
            throw AgentIDError(
                .notFound, name: "no_authority", message: "there is no authority in \(path)", at: "directory")
        }
        let directory = try AuthorityDirectory(creating: path, isNew: false)
        let now = try CheckedClock(clock).now()
        let registry = try directory.openRestored()
        let before = try registry.read { (meta: try $0.meta(), keys: try $0.keys()) }
        let key = try newKey(in: directory, after: before.keys, passphrase: passphrase)
        do throws(AgentIDError) {
            let journal = Journal(path: directory.journalPath, lock: directory.lockPath)
            let witness = LogWitness(in: directory)
            try witness.checkReadable()
            let beginning = try RegistryBeginning(
                after: before.meta, journal: journal, known: registry.reached, witness)
            let entries = (try? journal.pending(after: before.meta.journal).entries) ?? []
            let recorder = EventRecorder(isLogging: directory.hasAuditLog)
            let (lapsed, revoked) = try registry.write { registry in
                // First: what is recorded below is numbered after all that the log has taken.
                let lapsed = try registry.begin(beginning)
                var revocations = entries.compactMap { $0.revocation }
                if let key {
                    try registry.replaceKeys(try registry.keysAllRetired(by: key.publicKey, at: now / 1000))
                    revocations += before.keys.map { Revocation(unchecked: .issuer, $0.key.thumbprint) }
                }
                for revocation in try registry.add(revocations, at: now / 1000, reason: "restored from a backup") {
                    try recorder.record(
                        try LifecycleEvent(of: revocation, at: now, reason: nil, in: registry), in: registry)
                }
                return (lapsed, key == nil ? [] : before.keys.map(\.key.thumbprint))
            }
            try witness.accept(beginning.reach)
            try journal.beginAnew(beginning.journal.epoch)
            registry.adopt(beginning)
            for old in before.keys where key != nil { Files.remove(directory.keyPath(old.key)) }
            // What it remembers is of chains that are good for nothing.
            Files.remove(directory.replayPath)
            return Restoration(lapsed: lapsed, revoked: revoked, signing: key?.publicKey.thumbprint)
        } catch {
            if let key { Files.remove(directory.keyPath(key.publicKey)) }
            throw error
        }
    }

    /// Makes and stores a key, where the keys are stored there; `nil` where a caller's signer has them.
    private static func newKey(
        in directory: AuthorityDirectory, after records: [KeyRecord], passphrase: Passphrase?
    ) throws(AgentIDError) -> SigningKey? {
        guard let active = records.first(where: { $0.role == .active })?.key,
            Files.exists(directory.keyPath(active))
        else { return nil }
        // A wrong passphrase shows now, and not when the new key cannot be opened with the right one.
        _ = try KeyFile.read(directory.keyPath(active), passphrase: passphrase)
        let key = try Agent.newKey()
        try KeyFile.write(key, to: directory.keyPath(key.publicKey), passphrase: passphrase)
        return key
    }
}

extension RegistryReader {
    /// Its keys as they are when another signs from now on.
    fileprivate func keysAllRetired(by key: PublicKey, at now: Int64) throws(AgentIDError) -> [KeyRecord] {
        let last = max(try lastGrantExpiry() ?? now, now)
        return [KeyRecord(key: key, role: .active)]
            + (try keys()).map { record in
                KeyRecord(
                    key: record.key, role: .retired, dropAt: record.dropAt ?? last, retiredAt: record.retiredAt ?? now)
            }
    }
}

extension JournalEntry {
    /// What it takes away for good.
    fileprivate var revocation: Revocation? {
        switch change {
        case .revoke(let revocation), .endAll(let revocation): revocation
        case .end(let agent): Revocation(unchecked: .agent, agent)
        case .suspend: nil
        }
    }
}
