internal import StrictJSON

/// The format of lines in a segment: little-endian, every frame at a multiple of 8.
///
/// A frame is a word (length below, kind above), a word (checksum of the payload, seeded by the segment and the frame's
/// place), the payload, and zeroes up to the next multiple of 8. The first word is stored last: while it is zero,
/// nothing is committed. A seal in its place says that nothing will follow.
enum AuditFrame {
    /// The content of a frame.
    enum Kind: UInt64, CaseIterable {
        case line = 0x4741_4C52  // "RLAG"
        /// An ``AuditTemplate``.
        case template = 0x4741_4C54  // "TLAG"
        /// A word (the template's position in the segment) and an ``AuditFacts``: together they are a line.
        case facts = 0x4741_4C46  // "FLAG"
    }

    static let headerSize = 16
    static let longestLine = 0xFFFF
    static let seal: UInt64 = 0x4741_4C53 << 32

    /// The number of bytes of the frame of a payload.
    static func size(of length: Int) -> Int { headerSize + (length + 7) & ~7 }

    static func word(_ kind: Kind, length: Int) -> UInt64 { kind.rawValue << 32 | UInt64(length) }

    /// Parses a frame's first word; `nil` if it is not one.
    static func parse(_ word: UInt64) -> (kind: Kind, length: Int)? {
        guard let kind = Kind(rawValue: word >> 32) else { return nil }
        let length = Int(word & 0xFFFF_FFFF)
        return (1...longestLine).contains(length) ? (kind, length) : nil
    }

    static func seed(_ segment: UInt64, at position: Int) -> UInt64 {
        segment ^ UInt64(position) &* 0x9E37_79B9_7F4A_7C15
    }
}

/// The first 64 bytes of a segment.
struct AuditSegmentHeader: Equatable {
    static let size = 64
    private static let magic: UInt64 = 0x3247_4553_4449_4741  // "AGIDSEG2"

    /// The size of the file.
    let capacity: Int
    /// The seed of this segment's checksums, unique to it.
    let seed: UInt64
    /// The time it was made, in milliseconds, and the process that made it: for people.
    let created: Int64
    let process: Int32
    /// The number of the log's last step when it was named: ``AuditSequence/step``; 0 where that is not known.
    var step: UInt32
    /// The log that it belongs to: ``AuditIdentity/tag``; zero for segments from before logs had one.
    let log: SIMD2<UInt64>

    init(
        capacity: Int, seed: UInt64, created: Int64, process: Int32, step: UInt32 = 0, log: SIMD2<UInt64> = .zero
    ) {
        self.capacity = capacity
        self.seed = seed
        self.created = created
        self.process = process
        self.step = step
        self.log = log
    }

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        func append(_ word: UInt64) {
            for i in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(8 * i))) }
        }
        for word in [
            Self.magic, UInt64(capacity), seed, UInt64(bitPattern: created),
            UInt64(UInt32(bitPattern: process)) | UInt64(step) << 32, log.x, log.y,
        ] {
            append(word)
        }
        append(unsafe bytes.withUnsafeBytes { unsafe XXH64.hash($0, seed: 0) })
        return bytes
    }

    /// `nil` unless these are the bytes of a header.
    init?(_ bytes: Span<UInt8>) {
        guard bytes.count == Self.size else { return nil }
        func word(_ index: Int) -> UInt64 {
            (0..<8).reduce(0) { $0 | UInt64(bytes[index * 8 + $1]) << UInt64(8 * $1) }
        }
        guard word(0) == Self.magic, let capacity = Int(exactly: word(1)) else { return nil }
        self.init(
            capacity: capacity, seed: word(2), created: Int64(bitPattern: word(3)),
            process: Int32(truncatingIfNeeded: word(4)), step: UInt32(truncatingIfNeeded: word(4) >> 32),
            log: SIMD2(word(5), word(6)))
        guard self.bytes.span.hasSameBytes(as: bytes) else { return nil }
    }
}
