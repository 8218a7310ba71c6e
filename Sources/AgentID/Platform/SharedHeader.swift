internal import JOSE

/// The format of a file that guards share.
protocol SharedFormat {
    /// The first 16 bytes, as two little-endian words.
    static var magic: (UInt64, UInt64) { get }
    static var version: UInt64 { get }
    static var mostBuckets: Int { get }
    /// The noun for such a file in errors: `a replay memory`.
    static var noun: String { get }
    /// The name of errors about a file that cannot be used.
    static var errorName: String { get }
    /// The remedy for such a file, after a colon.
    static var remedy: String { get }
}

/// The constant part of the first page of a file that guards share: nine words, little-endian, the last a keyed checksum.
struct SharedHeader<Format: SharedFormat>: Equatable, Sendable {
    /// The size of the page; the rest of it is its format's.
    static var size: Int { 4096 }
    static var byteCount: Int { 72 }

    let buckets: Int
    /// The key of the hashes that name and place what it holds, and of the checksums.
    let key: SIMD2<UInt64>
    /// The epoch of the registry that the file belongs to; zero if the registry has none.
    let epoch: SIMD2<UInt64>

    init(buckets: Int, key: SIMD2<UInt64> = Sodium.sipHashKey(), epoch: SIMD2<UInt64> = .zero) {
        (self.buckets, self.key, self.epoch) = (buckets, key, epoch)
    }

    /// Reads the start of a file; refuses anything that this version would not have written.
    init(reading bytes: [UInt8], path: String) throws(AgentIDError) {
        guard bytes.count >= Self.byteCount else { throw Self.refusal(path, "is too short") }
        let words = bytes.prefix(Self.byteCount).littleEndianWords
        guard (words[0], words[1]) == Format.magic else { throw Self.refusal(path, "is not \(Format.noun)") }
        guard words[2] == Format.version else {
            throw Self.refusal(path, "is \(Format.noun) of version \(words[2])", .version)
        }
        guard let buckets = Int(exactly: words[3]), (1...Format.mostBuckets).contains(buckets) else {
            throw Self.refusal(path, "has not the size that it says")
        }
        self.init(buckets: buckets, key: SIMD2(words[4], words[5]), epoch: SIMD2(words[6], words[7]))
        guard bytes.prefix(Self.byteCount).elementsEqual(self.bytes) else { throw Self.refusal(path, "is damaged") }
    }

    static func refusal(_ path: String, _ what: String, _ code: AgentIDError.Code = .io) -> AgentIDError {
        AgentIDError(code, name: Format.errorName, message: "\(path) \(what): \(Format.remedy)", at: path)
    }

    var words: [UInt64] {
        let magic = Format.magic
        let body = [magic.0, magic.1, Format.version, UInt64(buckets), key.x, key.y, epoch.x, epoch.y]
        return body + [Sodium.sipHash(body.littleEndianBytes.span, key: key).x]
    }

    var bytes: [UInt8] { words.littleEndianBytes }
}
