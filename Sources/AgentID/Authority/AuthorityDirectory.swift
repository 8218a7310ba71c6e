internal import JOSE

/// Where an authority lives: one directory that only its owner can write, shared by processes.
struct AuthorityDirectory: Sendable {
    let path: String

    /// Makes the directory where it is not there, or checks it.
    init(creating path: String) throws(AgentIDError) {
        try Files.makeDirectory(path)
        try Files.makeDirectory("\(path)/keys")
        self.path = try Files.resolve(path)
    }

    /// A directory for somebody who only reads it.
    init(reading path: String) throws(AgentIDError) {
        guard Files.exists("\(path)/registry.db") else {
            throw AgentIDError(
                .notFound, name: "no_authority", message: "there is no authority in \(path)", at: "directory")
        }
        try Files.checkDirectory(path, isReader: true)
        self.path = try Files.resolve(path)
    }

    /// Whether an authority was created in a directory, and not only begun.
    static func holdsAuthority(_ path: String) throws(AgentIDError) -> Bool {
        guard Files.exists("\(path)/registry.db") else { return false }
        try Files.checkDirectory(path)
        return try SQLiteRegistry.exists(Files.resolve(path) + "/registry.db")
    }

    var replayPath: String { "\(path)/replay" }

    var auditPath: String { "\(path)/audit" }

    var hasAuditLog: Bool { Files.exists(auditPath) }

    var logKeyPath: String { "\(path)/keys/log.jwk" }

    private var digestKeyPath: String { "\(path)/keys/digest" }

    /// What keys the digests of arguments in the audit log; made where there is none yet.
    func makeDigestKey() throws(AgentIDError) {
        try Files.withLock("\(path)/lock") { () throws(AgentIDError) in
            guard !Files.exists(digestKeyPath) else { return }
            var bytes = Sodium.randomBytes(16)
            defer { Sodium.wipe(&bytes) }
            try Files.replace(digestKeyPath, with: bytes.span)
        }
    }

    /// `nil` for somebody who may not read it.
    func digestKey() -> GuardedBytes? {
        guard var bytes = try? Files.read(digestKeyPath, isSecret: true), bytes.count == 16 else { return nil }
        defer { Sodium.wipe(&bytes) }
        guard let key = GuardedBytes(count: 16) else { return nil }
        unsafe key.withUnsafeMutableBytes { buffer in
            for i in bytes.indices { unsafe buffer[i] = bytes[i] }
        }
        return key
    }

    func keyPath(_ key: PublicKey) -> String { "\(path)/keys/\(key.thumbprint).jwk" }

    /// Creates the registry, unless another process was faster.
    func createRegistry(of trustDomain: TrustDomain, key: () throws(AgentIDError) -> PublicKey) throws(AgentIDError) {
        // First: what is synced in a directory is lost where the directory is.
        try Files.syncName(of: path)
        try Files.withLock("\(path)/lock") { () throws(AgentIDError) in
            try SQLiteRegistry.create("\(path)/registry.db", trustDomain: trustDomain) { () throws(AgentIDError) in
                [KeyRecord(key: try key(), role: .active)]
            }
        }
    }

    func openRegistry(_ access: SQLite.Access) throws(AgentIDError) -> SQLiteRegistry {
        let page = try SharedSequence(path: "\(path)/sequence", isWriter: access != .read)
        return try SQLiteRegistry.open("\(path)/registry.db", access: access, page: page)
    }
}
