// Tokens in SQLite, packed against the parts they share.
extension SQLiteSession {
    enum TokenKind: String { case chain, tombstone }

    /// The most samples of a kind: tokens that are like no others get no more of them.
    private static let mostSamples: Int64 = 16
    /// The shortest text that is worth packing, in bytes.
    private static let shortest = 200

    func packed(_ text: String, like kind: TokenKind) throws(AgentIDError) -> SQLite.Value {
        guard text.utf8.count >= Self.shortest, text.utf8.count <= PackedToken.longest else { return .text(text) }
        let latest = try database.first(
            "SELECT number, bytes FROM samples WHERE kind = ? ORDER BY number DESC LIMIT 1", .text(kind.rawValue)
        ) { row throws(AgentIDError) in PackedToken.Sample(number: try row.int(0), bytes: try row.blob(1)) }
        let packed = latest.map { PackedToken.pack(text, $0) }
        if let packed, packed.count * 5 <= text.utf8.count * 2 { return .blob(packed) }
        let count = try database.number("SELECT count(*) FROM samples WHERE kind = ?", .text(kind.rawValue))
        guard count ?? 0 < Self.mostSamples else { return .blob(packed ?? Array(text.utf8)) }
        let bytes = Array((PackedToken.sampled(text) + (latest?.bytes ?? [])).prefix(PackedToken.longestSample))
        let number = try database.number(
            "INSERT INTO samples (kind, bytes) VALUES (?, ?) RETURNING number", .text(kind.rawValue), .blob(bytes))
        guard let number else { throw SQLite.corrupt("a sample was not kept", "registry.db") }
        return .blob(PackedToken.pack(text, PackedToken.Sample(number: number, bytes: bytes)))
    }

    func unpacked(_ bytes: [UInt8]) throws(AgentIDError) -> String {
        var sample: [UInt8] = []
        if let number = PackedToken.sample(of: bytes) {
            if samples[number] == nil {
                samples[number] = try database.first("SELECT bytes FROM samples WHERE number = ?", .int(number)) {
                    row throws(AgentIDError) in try row.blob(0)
                }
            }
            guard let known = samples[number] else {
                throw SQLite.corrupt("what a token refers to is gone", "registry.db")
            }
            sample = known
        }
        guard let text = PackedToken.unpack(bytes, sample) else {
            throw SQLite.corrupt("a token cannot be read", "registry.db")
        }
        return text
    }

    /// Throws if one refers to what is not there, as in a file beneath the log of another time.
    func checkTokens() throws(AgentIDError) {
        for sql in [
            "SELECT chain FROM grants", "SELECT tombstone FROM agents WHERE tombstone NOT NULL",
            "SELECT tombstone FROM tombstones",
        ] {
            _ = try database.rows(sql) { row throws(AgentIDError) in _ = try unpacked(row.bytes(0)) }
        }
    }
}
