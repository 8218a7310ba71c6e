internal import JOSE

/// The first page of the file behind a ``SharedReplayTable``: eight words, little-endian, the last a keyed checksum.
struct ReplayHeader: Equatable, Sendable {
    static let size = 4096
    static let byteCount = 64
    private static let magic: (UInt64, UInt64) = (0x6469_746E_6567_6128, 0x2979_616C_7065_7220)  // "(agentid replay)"
    private static let version: UInt64 = 1

    /// How many buckets follow.
    let buckets: Int
    /// How long after a proof was signed its slot cannot be taken by another.
    let span: Int64
    /// Of the keyed hash that places proofs.
    let key: SIMD2<UInt64>

    init(buckets: Int, span: Int64, key: SIMD2<UInt64>) {
        (self.buckets, self.span, self.key) = (buckets, span, key)
    }

    /// Reads the start of a file of `fileSize` bytes; refuses what this version would not have written.
    init(reading bytes: [UInt8], fileSize: Int, path: String) throws(AgentIDError) {
        func refuse(_ what: String, _ code: AgentIDError.Code = .io) -> AgentIDError {
            AgentIDError(
                code, name: "replay_memory",
                message: "\(path) \(what): stop the guards that use this directory, and remove the file", at: path)
        }
        guard fileSize >= Self.size, bytes.count == Self.byteCount else { throw refuse("is too short") }
        var words = [UInt64](repeating: 0, count: Self.byteCount / 8)
        for (i, byte) in bytes.enumerated() { words[i / 8] |= UInt64(byte) << (8 * UInt64(i % 8)) }
        guard (words[0], words[1]) == Self.magic else { throw refuse("is no replay memory") }
        guard words[2] == Self.version else { throw refuse("is a replay memory of version \(words[2])", .version) }
        guard let buckets = Int(exactly: words[3]), (1...SharedReplayTable.mostBuckets).contains(buckets),
            fileSize == SharedReplayTable.fileSize(buckets: buckets)
        else { throw refuse("has not the size that it says") }
        guard let span = Int64(exactly: words[4]), (SharedReplayTable.span...86_400).contains(span) else {
            throw refuse("remembers proofs for too short or too long")
        }
        self.init(buckets: buckets, span: span, key: SIMD2(words[5], words[6]))
        guard bytes == self.bytes else { throw refuse("is damaged") }
    }

    var bytes: [UInt8] {
        func littleEndian(_ words: [UInt64]) -> [UInt8] {
            words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) } }
        }
        let body = littleEndian([
            Self.magic.0, Self.magic.1, Self.version, UInt64(buckets), UInt64(span), key.x, key.y,
        ])
        return body + littleEndian([Sodium.sipHash(body.span, key: key).x])
    }
}
