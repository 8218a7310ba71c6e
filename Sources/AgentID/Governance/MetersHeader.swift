internal import JOSE

/// The constant part of the first page of a ``MetersPage``: nine words, little-endian, the last a keyed checksum.
struct MetersHeader: Equatable, Sendable {
    static let size = 4096
    static let byteCount = 72
    static let magic: (UInt64, UInt64) = (0x6469_746E_6567_6128, 0x2973_7265_7465_6D20)  // "(agentid meters)"
    private static let version: UInt64 = 1
    /// 64 MiB of meters.
    static let mostBuckets = 1 << 16

    let buckets: Int

    /// Where the slots begin: after a page, and pages with a byte for each bucket.
    var slotsOffset: Int { Self.size + (buckets + Self.size - 1) / Self.size * Self.size }
    var length: Int { slotsOffset + buckets * MetersPage.slotsPerBucket * MetersPage.slotSize }

    /// Of the keyed hashes that name meters, and of the checksums.
    let secret: SIMD2<UInt64>
    /// Which registry's meters these are; zero where the registry says nothing of itself.
    let epoch: SIMD2<UInt64>

    init(buckets: Int, secret: SIMD2<UInt64> = Sodium.sipHashKey(), epoch: SIMD2<UInt64> = .zero) {
        (self.buckets, self.secret, self.epoch) = (buckets, secret, epoch)
    }

    /// Reads the start of a file; refuses what this version would not have written.
    init(reading bytes: [UInt8], path: String) throws(AgentIDError) {
        guard bytes.count >= Self.byteCount else { throw Self.refusal(path, "is too short") }
        let words = bytes.prefix(Self.byteCount).littleEndianWords
        guard (words[0], words[1]) == Self.magic else { throw Self.refusal(path, "does not hold meters") }
        guard words[2] == Self.version else {
            throw Self.refusal(path, "holds meters of version \(words[2])", .version)
        }
        guard let buckets = Int(exactly: words[3]), (1...Self.mostBuckets).contains(buckets) else {
            throw Self.refusal(path, "has not the size that it says")
        }
        self.init(buckets: buckets, secret: SIMD2(words[4], words[5]), epoch: SIMD2(words[6], words[7]))
        guard bytes.prefix(Self.byteCount).elementsEqual(self.bytes) else { throw Self.refusal(path, "is damaged") }
    }

    static let older = "is an older copy, which knows less than was spent and seen since"

    static func refusal(_ path: String, _ what: String, _ code: AgentIDError.Code = .io) -> AgentIDError {
        AgentIDError(
            code, name: "meters_damaged",
            message:
                "\(path) \(what): end the guards that use this directory and remove the file; rates begin anew, and what "
                + "was lent of budgets counts as spent",
            at: path)
    }

    var words: [UInt64] {
        let body = [
            Self.magic.0, Self.magic.1, Self.version, UInt64(buckets), secret.x, secret.y, epoch.x, epoch.y,
        ]
        return body + [Sodium.sipHash(body.littleEndianBytes.span, key: secret).x]
    }

    var bytes: [UInt8] { words.littleEndianBytes }
}
