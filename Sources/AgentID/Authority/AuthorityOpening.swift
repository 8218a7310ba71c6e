internal import JOSE
internal import StrictJSON

extension Authority {
    /// Opens the authority kept in a directory, or creates it; in memory for a `nil` or empty path.
    public static func open(directory path: String?, options: Options) throws(AgentIDError) -> Authority {
        try options.check()
        guard options.passphrase == nil || (options.signer == nil && path?.isEmpty == false) else {
            throw Passphrase.unused
        }
        guard let path, !path.isEmpty else {
            guard options.audit.options.sync != .always || !options.audit.isEnabled else {
                throw AgentIDError(
                    .argument, name: "audit",
                    message: "an authority in memory has no log that could be durable: give a directory, or no audit",
                    at: "options.audit_sync")
            }
            let domain = try newTrustDomain(options, in: nil)
            let keys = SigningKeys(
                directory: nil, signer: options.signer, passphrase: options.passphrase)
            let first: PublicKey
            if let signer = options.signer { first = signer.publicKey } else { first = try keys.make() }
            return try Authority(
                registry: MemoryRegistry(of: domain, keys: [KeyRecord(key: first, role: .active)]),
                keys: keys, directory: nil, options: options)
        }
        // What is missing is found out before anything is made.
        let domain =
            try AuthorityDirectory.holdsAuthority(path)
            ? nil : try newTrustDomain(options, in: path)
        let directory = try AuthorityDirectory(creating: path, isNew: domain != nil)
        let keys = SigningKeys(
            directory: directory, signer: options.signer, passphrase: options.passphrase)
        if let domain {
            try directory.createRegistry(of: domain) { () throws(AgentIDError) in
                if let signer = options.signer { return signer.publicKey }
                return try keys.make()
            }
        }
        let registry = try directory.openRegistry(onlyReads: options.onlyReads)
        let (meta, records) = try registry.read { (try $0.meta(), try $0.keys()) }
        let stored = meta.trustDomain
        let journal = directory.journal
        // A registry that knows a journal, and none there, is refused below.
        if try journal.isThere() || meta.journal.epoch.isEmpty && registry.reached(.journal) == 0 {
            try journal.create()
        }
        guard options.trustDomain == nil || options.trustDomain.isSame(as: stored) else {
            throw AgentIDError(
                .state, name: "other_trust_domain", message: "\(path) holds the authority of \(stored)",
                at: "options.trust_domain")
        }
        // A wrong passphrase or signer shows now, not at the first grant.
        for record in records where record.role == .active || record.role == .next && !keys.isExternal {
            do throws(AgentIDError) { _ = try keys.signer(for: record.key) } catch {
                guard options.mayLackKeys, error.name.isSame(as: "passphrase_missing") else { throw error }
            }
        }
        let authority = try Authority(registry: registry, keys: keys, directory: directory, options: options)
        for record in records where record.role == .retired && !keys.isExternal {
            authority.discard(record.key, in: directory)
        }
        return authority
    }

    /// Removes the private half of a retired key that a rotation which was killed on its way left: nobody signs with that again.
    @inline(never) private func discard(_ key: PublicKey, in directory: AuthorityDirectory) {
        guard Files.exists(directory.keyPath(key), in: directory.held) else { return }
        // Not before the rotation is on the disk, whoever wrote it: a power cut would leave the registry of before.
        guard (try? registry.write { _ = try $0.announce() }) != nil else { return }
        keys.discard(key)
    }

    private static func newTrustDomain(_ options: Options, in path: String?) throws(AgentIDError) -> TrustDomain {
        guard !options.mustExist else {
            throw AuthorityDirectory.missing(path ?? "memory")
        }
        if let lost = path.flatMap({ AuthorityDirectory.lost($0) }) { throw lost }
        guard let name = options.trustDomain else {
            throw AgentIDError(
                .argument, name: "trust_domain", message: "a trust domain is needed to create an authority",
                at: "options.trust_domain")
        }
        do throws(AgentIDError) { return try TrustDomain(name) } catch {
            throw AgentIDError(error.code, name: error.name, message: error.message, at: "options.trust_domain")
        }
    }
}
