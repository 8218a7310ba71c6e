internal import JOSE
internal import StrictJSON

// Keys, profiles and revocations in SQLite.
extension SQLiteSession {
    func keys() throws(AgentIDError) -> [KeyRecord] {
        try database.rows("SELECT jwk, role, drop_at, retired_at FROM keys ORDER BY role, thumbprint") {
            row throws(AgentIDError) in
            guard let root = try? JSON(parsing: try row.text(0)).root, let key = try? PublicKey(jwk: root) else {
                throw row.mistyped(0)
            }
            return KeyRecord(
                key: key, role: try row.named(1), dropAt: try row.optionalInt(2), retiredAt: try row.optionalInt(3))
        }
    }

    func replaceKeys(_ keys: [KeyRecord]) throws(AgentIDError) {
        try database.run("DELETE FROM keys")
        for key in keys {
            try database.run(
                "INSERT INTO keys VALUES (?, ?, ?, ?, ?)", .text(key.key.thumbprint), .text(key.key.jwk.text),
                .text(key.role.rawValue), .optional(key.dropAt), .optional(key.retiredAt))
        }
        try database.run("UPDATE meta SET keys_sequence = ?", .int(try announce()))
    }

    func profiles() throws(AgentIDError) -> [ProfileRecord] {
        try storedProfiles().compactMap { stored in
            if case .success(let profile) = stored.profile { profile } else { nil }
        }
    }

    func damagedProfiles() throws(AgentIDError) -> [DamagedProfile] {
        try storedProfiles().compactMap { stored in
            if case .failure(let error) = stored.profile {
                DamagedProfile(name: stored.name, error: error)
            } else {
                nil
            }
        }
    }

    /// By name, each with what it is read as: one that cannot be read hides no other.
    private func storedProfiles() throws(AgentIDError)
        -> [(name: String, profile: Result<ProfileRecord, AgentIDError>)]
    {
        try database.rows("SELECT document, certified_at, name FROM profiles ORDER BY name") {
            row throws(AgentIDError) in
            let profile: Result<ProfileRecord, AgentIDError>
            do throws(AgentIDError) { profile = .success(try Self.profile(row)) } catch { profile = .failure(error) }
            return (try row.text(2), profile)
        }
    }

    func profile(named name: String) throws(AgentIDError) -> ProfileRecord? {
        try database.first(
            "SELECT document, certified_at FROM profiles WHERE name = ?", .text(name), read: Self.profile)
    }

    private static func profile(_ row: SQLite.Row) throws(AgentIDError) -> ProfileRecord {
        let document: JSON
        let profile: Profile
        do {
            document = try JSON(parsing: try row.text(0))
            profile = try Profile(parsing: document.root)
        } catch { throw DamagedProfile.error("\(error)") }
        return ProfileRecord(profile: profile, certifiedAt: try row.int(1))
    }

    func put(_ profile: ProfileRecord) throws(AgentIDError) {
        let name = profile.profile.name
        let others = try database.number("SELECT count(*) FROM profiles WHERE name <> ?", .text(name))
        guard others ?? 0 < 10_000 else { throw AgentIDError.tooManyProfiles }
        try database.run(
            "INSERT OR REPLACE INTO profiles VALUES (?, ?, ?)", .text(name), .text(profile.profile.tree.text),
            .int(profile.certifiedAt))
    }

    func revocations(after sequence: Int64, limit: Int) throws(AgentIDError) -> [RevocationRecord] {
        try database.rows(
            "SELECT seq, kind, value, at, reason FROM revocations WHERE seq > ? ORDER BY seq LIMIT ?", .int(sequence),
            .int(Int64(limit))
        ) { row throws(AgentIDError) in
            guard let kind = Revocation.Kind(name: try row.text(1)) else { throw row.mistyped(1) }
            return RevocationRecord(
                sequence: try row.int(0), revocation: Revocation(unchecked: kind, try row.text(2)), at: try row.int(3),
                reason: try row.optionalText(4))
        }
    }

    func revocationCount() throws(AgentIDError) -> Int64 {
        try database.number("SELECT count(*) FROM revocations") ?? 0
    }

    func departures() throws(AgentIDError) -> [Departure] {
        try database.rows("SELECT kind, value, reason FROM departures ORDER BY kind, value") {
            row throws(AgentIDError) in
            guard let kind = Revocation.Kind(name: try row.text(0)) else { throw row.mistyped(0) }
            return Departure(Revocation(unchecked: kind, try row.text(1)), reason: try row.text(2))
        }
    }

    func put(_ departure: Departure) throws(AgentIDError) {
        try database.run(
            "INSERT OR IGNORE INTO departures VALUES (?, ?, ?)", .text(departure.revocation.kind.name),
            .text(departure.revocation.value), .text(departure.reason))
    }

    func remove(_ departure: Departure) throws(AgentIDError) {
        try database.run(
            "DELETE FROM departures WHERE kind = ? AND value = ?", .text(departure.revocation.kind.name),
            .text(departure.revocation.value))
    }

    func firstRevoked(of candidates: [Revocation]) throws(AgentIDError) -> Revocation? {
        for candidate in candidates {
            let count = try database.number(
                "SELECT count(*) FROM revocations WHERE kind = ? AND value = ?", .text(candidate.kind.name),
                .text(candidate.value))
            if count != 0 { return candidate }
        }
        return nil
    }

    func knows(_ revocation: Revocation) throws(AgentIDError) -> Bool {
        let condition =
            switch revocation.kind {
            case .grant: "SELECT 1 FROM grants WHERE jti = ?1"
            case .key:
                "SELECT 1 FROM agents WHERE key = ?1 UNION ALL SELECT 1 FROM former_keys WHERE thumbprint = ?1"
            // '0' is the character after '/'.
            case .agent: "SELECT 1 FROM agents WHERE id = ?1 OR id > ?1 || '/' AND id < ?1 || '0'"
            case .profile: "SELECT 1 FROM profiles WHERE name = ?1"
            case .principal:
                "SELECT 1 FROM agents WHERE principal = ?1 UNION ALL SELECT 1 FROM agents WHERE owner = ?1"
            case .issuer: "SELECT 1 FROM keys WHERE thumbprint = ?1"
            }
        if try database.hasRow("\(condition) LIMIT 1", .text(revocation.value)) { return true }
        guard revocation.kind == .principal else { return false }
        return try profiles().contains { $0.profile.owner.isSame(as: revocation.value) }
    }

    func revocationTime(of revocation: Revocation) throws(AgentIDError) -> Int64? {
        try database.number(
            "SELECT at FROM revocations WHERE kind = ? AND value = ?", .text(revocation.kind.name),
            .text(revocation.value))
    }

    func add(_ revocations: [Revocation], at time: Int64, reason: String?) throws(AgentIDError) -> [Revocation] {
        var added: [Revocation] = []
        for revocation in revocations {
            let rows = try database.run(
                "INSERT INTO revocations (kind, value, at, reason) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                .text(revocation.kind.name), .text(revocation.value), .int(time), .optional(reason))
            if rows > 0 { added.append(revocation) }
        }
        if !added.isEmpty { _ = try announce() }
        return added
    }
}
