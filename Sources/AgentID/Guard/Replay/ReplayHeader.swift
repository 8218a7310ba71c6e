internal import JOSE

/// The constant part of a ``ReplayTable``'s first page: nine words, little-endian, the last a keyed checksum.
struct ReplayHeader: Equatable, Sendable {
    /// The size of the page; the rest of it is a ``ReplayPage``'s.
    static let size = 4096
    static let byteCount = 72
    private static let magic: (UInt64, UInt64) = (0x6469_746E_6567_6128, 0x2979_616C_7065_7220)  // "(agentid replay)"
    private static let version: UInt64 = 2

    /// The number of buckets of its first segment.
    let buckets: Int
    /// The key of the hashes that place proofs.
    let key: SIMD2<UInt64>
    /// The epoch of the registry whose proofs it remembers; zero if the registry has none.
    let epoch: SIMD2<UInt64>

    init(buckets: Int, key: SIMD2<UInt64> = Sodium.sipHashKey(), epoch: SIMD2<UInt64> = .zero) {
        (self.buckets, self.key, self.epoch) = (buckets, key, epoch)
    }

    /// Reads the start of a file; refuses anything that this version would not have written.
    init(reading bytes: [UInt8], path: String) throws(AgentIDError) {
        guard bytes.count >= Self.byteCount else { throw Self.refusal(path, "is too short") }
        let words = bytes.prefix(Self.byteCount).littleEndianWords
        guard (words[0], words[1]) == Self.magic else { throw Self.refusal(path, "is not a replay memory") }
        guard words[2] == Self.version else {
            throw Self.refusal(path, "is a replay memory of version \(words[2])", .version)
        }
        guard let buckets = Int(exactly: words[3]), (1...ReplayTable.mostBuckets).contains(buckets) else {
            throw Self.refusal(path, "has not the size that it says")
        }
        self.init(
            buckets: buckets, key: SIMD2(words[4], words[5]), epoch: SIMD2(words[6], words[7]))
        guard bytes.prefix(Self.byteCount).elementsEqual(self.bytes) else { throw Self.refusal(path, "is damaged") }
    }

    static func refusal(_ path: String, _ what: String, _ code: AgentIDError.Code = .io) -> AgentIDError {
        AgentIDError(
            code, name: "replay_memory",
            message: "\(path) \(what): end the guards that use this directory, remove the file, and wait 4 minutes "
                + "before you open the first, so that no used proof is good any more",
            at: path)
    }

    var words: [UInt64] {
        let body = [
            Self.magic.0, Self.magic.1, Self.version, UInt64(buckets), key.x, key.y, epoch.x, epoch.y,
        ]
        return body + [Sodium.sipHash(body.littleEndianBytes.span, key: key).x]
    }

    var bytes: [UInt8] { words.littleEndianBytes }
}
