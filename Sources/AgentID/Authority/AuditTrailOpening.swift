internal import StrictJSON

extension AuditTrail {
    /// The trail of an authority, which integrates the log and signs its checkpoints; `nil` without a directory.
    static func open(
        _ policy: AuditPolicy, of trustDomain: TrustDomain, in directory: AuthorityDirectory?, keys: SigningKeys,
        registry: any Registry, clock: any WallClock
    ) throws(AgentIDError) -> AuditTrail? {
        guard policy.isEnabled, let directory else { return nil }
        return try open(policy, in: directory) { () throws(AgentIDError) in
            let meta = try check(directory, registry)
            let witness = LogWitness(in: directory)
            try directory.makeDigestKey(mayBeNew: !witness.hasBegun)
            let log = try AuditLog(
                directory: directory.auditPath, origin: AuditIdentity.origin(of: trustDomain),
                signer: keys.logSigner(of: witness), options: policy.options, clock: clock,
                outbox: RegistryOutbox(registry: registry),
                known: { registry.reached(.log) },
                files: SystemAuditFiles.making(directory.auditPath, in: directory.held))
            // From now on the registry knows its log. If another process has its lock, that waits for the first events.
            if meta.log.identity.isEmpty, let mark = try LogWitness(in: directory).mark(of: meta) {
                _ = try? registry.write(within: 50) { try $0.setLog(mark) }
            }
            try publish(log.key, in: directory)
            return log
        }
    }

    /// The trail of a guard that cannot use an authority's keys: it appends, and the authority integrates.
    static func open(
        _ policy: AuditPolicy, of trustDomain: TrustDomain, in directory: AuthorityDirectory,
        registry: any Registry, clock: any WallClock
    ) throws(AgentIDError) -> AuditTrail? {
        guard policy.isEnabled else { return nil }
        return try open(policy, in: directory) { () throws(AgentIDError) in
            try check(directory, registry)
            // Entries without digests would not show that something is wrong. Whoever may not look has none.
            if LogWitness(in: directory).hasBegun, (try? Files.isPresent(directory.digestKeyPath)) == false {
                throw AuthorityDirectory.lostKey(directory.digestKeyPath)
            }
            return try AuditLog(
                directory: directory.auditPath, origin: AuditIdentity.origin(of: trustDomain), signer: nil,
                options: policy.options,
                clock: clock, known: { registry.reached(.log) },
                files: SystemAuditFiles.making(directory.auditPath, in: directory.held))
        }
    }

    /// Refuses a log that is not the registry's, or is older than the registry knows it.
    @discardableResult private static func check(
        _ directory: AuthorityDirectory, _ registry: any Registry
    ) throws(AgentIDError) -> RegistryMeta {
        let meta = try registry.read { try $0.meta() }
        let known = registry.reached(.log)
        try LogWitness(in: directory).checkLog(meta, known: known)
        return meta
    }

    /// The file of an audit directory that names the key for its checkpoints.
    static let keyPath = "key"

    private static func publish(_ key: String?, in directory: AuthorityDirectory) throws(AgentIDError) {
        guard let key else { return }
        let (path, bytes) = ("\(directory.auditPath)/\(keyPath)", Array(key.utf8))
        guard (try? Files.read(path)) != bytes else { return }
        try directory.withLock { () throws(AgentIDError) in
            try Files.replace(path, with: bytes.span, in: directory.held)
        }
    }

    private static func open(
        _ policy: AuditPolicy, in directory: AuthorityDirectory, _ open: () throws(AgentIDError) -> AuditLog
    ) throws(AgentIDError) -> AuditTrail {
        let log: AuditLog?
        do throws(AgentIDError) { log = try open() } catch {
            guard !policy.isStrict else { throw error }
            log = nil
        }
        return AuditTrail(log, isStrict: policy.isStrict, digestKey: try directory.digestKey())
    }
}
