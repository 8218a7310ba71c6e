internal import JOSE

/// The result of accepting a restored directory, as it is or would be.
package struct Restoration: Sendable {
    /// The number of agents that lapse.
    package let lapsed: Int
    /// The thumbprints of the signing keys that are no longer valid.
    package let revoked: [String]
    /// The key that signs from now on; `nil` if the keys are not in the directory.
    package let signing: String?
    /// The version of the policy in force, 0 where there is none.
    package let policy: Int64
    /// The newest version that the audit log says was put in force since the backup; `nil` where it says of none that is newer.
    package let newerPolicy: Int64?
}

extension Authority {
    /// The result that accepting a directory would have, with the key that it would replace as `signing`. Changes nothing, and throws
    /// what would stand against it.
    package static func lookAtRestored(
        directory path: String, passphrase: Passphrase?, clock: any WallClock = SystemClock()
    ) throws(AgentIDError) -> Restoration {
        guard try AuthorityDirectory.holdsAuthority(path) else {
            throw AuthorityDirectory.missing(path)
        }
        let directory = try AuthorityDirectory(reading: path)
        let now = try CheckedClock(clock).now()
        let registry = try directory.openRestored(.read)
        try registry.checkIntegrity()
        let (meta, keys, counts) = try registry.read { (try $0.meta(), try $0.keys(), try $0.agentCounts(at: now)) }
        let active = try activeKey(in: directory, of: keys, passphrase: passphrase)
        try LogWitness(in: directory).checkReadable()
        _ = try unfolded(in: directory.journal, after: meta)
        return Restoration(
            lapsed: counts.active + counts.lapsed + counts.denied + counts.suspended + counts.parked,
            revoked: active == nil ? [] : keys.map(\.key.thumbprint), signing: active?.thumbprint,
            policy: meta.policyVersion, newerPolicy: loggedPolicy(in: directory, after: meta))
    }

    /// Continues with a directory that was restored from a backup, in whole or in part. It is the one call that trusts
    /// the directory as found.
    ///
    /// Nobody knows what was revoked since that backup. So in one transaction every lease lapses, a new key signs and
    /// all others are revoked. No earlier chain is permitted any more, by a guard of the directory or one that learns
    /// of revocations. The registry begins a new epoch: processes that have it open are denied until they open it
    /// again. If interrupted, the call can be repeated.
    package static func acceptRestored(
        directory path: String, passphrase: Passphrase?, clock: any WallClock = SystemClock()
    ) throws(AgentIDError) -> Restoration {
        guard try AuthorityDirectory.holdsAuthority(path) else {
            throw AuthorityDirectory.missing(path)
        }
        let directory = try AuthorityDirectory(creating: path, isNew: false)
        let now = try CheckedClock(clock).now()
        let registry = try directory.openRestored(.write)
        try registry.checkIntegrity()
        let before = try registry.read { (meta: try $0.meta(), keys: try $0.keys()) }
        let key = try newKey(in: directory, after: before.keys, passphrase: passphrase)
        do throws(AgentIDError) {
            let journal = directory.journal
            let witness = LogWitness(in: directory)
            try witness.checkReadable()
            let beginning = try RegistryBeginning(
                after: before.meta, journal: journal, known: registry.reached, witness)
            let entries = try unfolded(in: journal, after: before.meta)
            let recorder = EventRecorder(isLogging: directory.hasAuditLog)
            let logged = loggedPolicy(in: directory, after: before.meta)
            let (lapsed, revoked) = try registry.write { registry in
                // First: everything recorded below is numbered after all that the log has taken.
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
                if let logged {
                    let known = try registry.counter(RegistryCounter.policyInLog)
                    let (change, isTooMuch) = logged.subtractingReportingOverflow(known)
                    guard !isTooMuch else { throw AgentIDError.counterOverflow(RegistryCounter.policyInLog) }
                    if change > 0 { _ = try registry.add(change, to: RegistryCounter.policyInLog) }
                }
                return (lapsed, key == nil ? [] : before.keys.map(\.key.thumbprint))
            }
            try witness.accept(beginning.reach)
            try journal.beginAnew(beginning.journal.epoch)
            registry.adopt(beginning)
            // A power cut would leave the file with the registry that was, which refuses this one.
            try Files.sync("\(directory.path)/sequence", in: directory.held)
            for old in before.keys where key != nil { Files.remove(directory.keyPath(old.key), in: directory.held) }
            // It remembers proofs of chains that are no longer valid.
            Files.remove(directory.replayPath, in: directory.held)
            // Of the registry as it was: rates begin anew.
            Files.remove(directory.metersPath, in: directory.held)
            return Restoration(
                lapsed: lapsed, revoked: revoked, signing: key?.publicKey.thumbprint,
                policy: before.meta.policyVersion, newerPolicy: logged)
        } catch {
            // Interrupted later, it is done again: the registry names the key by then, and goes with it.
            if let key, registry.isUnnamed(key.publicKey, after: error) {
                Files.remove(directory.keyPath(key.publicKey), in: directory.held)
            }
            throw error
        }
    }

    /// The lines that are not in the registry; none where the file is not a journal. One that cannot be read now may hold
    /// revocations: it is removed when all this is done.
    private static func unfolded(
        in journal: Journal, after meta: RegistryMeta
    ) throws(AgentIDError) -> [JournalEntry] {
        do throws(AgentIDError) { return try journal.pending(after: meta.journal).entries } catch {
            guard error.name.isSame(as: "journal_damaged") else { throw error }
            return []
        }
    }

    /// The version of a policy that was put in force after the backup, as far as the log is newer and can be read.
    private static func loggedPolicy(in directory: AuthorityDirectory, after meta: RegistryMeta) -> Int64? {
        guard let reader = try? AuditReader(authority: directory.path),
            let newest = try? reader.newestPolicy(from: UInt64(clamping: meta.log.size))
        else { return nil }
        return newest > meta.policyVersion ? newest : nil
    }

    /// Makes and stores a key, if keys are stored in the directory; `nil` if a caller's signer has them.
    private static func newKey(
        in directory: AuthorityDirectory, after records: [KeyRecord], passphrase: Passphrase?
    ) throws(AgentIDError) -> SigningKey? {
        guard try activeKey(in: directory, of: records, passphrase: passphrase) != nil else { return nil }
        let key = try Agent.newKey()
        try KeyFile.write(key, to: directory.keyPath(key.publicKey), in: directory.held, passphrase: passphrase)
        return key
    }

    /// The key that signs; `nil` if a caller's signer has it.
    private static func activeKey(
        in directory: AuthorityDirectory, of records: [KeyRecord], passphrase: Passphrase?
    ) throws(AgentIDError) -> PublicKey? {
        guard let active = records.first(where: { $0.role == .active })?.key,
            try Files.isPresent(directory.keyPath(active))
        else { return nil }
        // A wrong passphrase must show now, not when the new key cannot be opened with the right one.
        _ = try KeyFile.read(directory.keyPath(active), passphrase: passphrase)
        return active
    }
}

extension Registry {
    /// Whether the registry certainly has no such signing key, and gets none: the file of one that it names is needed,
    /// whatever failed.
    func isUnnamed(_ key: PublicKey, after error: AgentIDError) -> Bool {
        !error.isInDoubt && (try? read { try $0.keys() })?.contains { $0.key == key } == false
    }
}

/// Counters of the registry that are not of budgets.
enum RegistryCounter {
    /// The newest version of a policy that a newer log had when the registry was restored.
    static let policyInLog = "policy.in_log"
}

extension RegistryReader {
    /// The registry's key records after another key starts to sign.
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
    /// The revocation that removes this key for good.
    fileprivate var revocation: Revocation? {
        switch change {
        case .revoke(let revocation), .endAll(let revocation): revocation
        case .end(let agent): Revocation(unchecked: .agent, agent)
        case .suspend: nil
        }
    }
}
