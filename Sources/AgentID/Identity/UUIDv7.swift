internal import JOSE

/// A UUID of version 7 (RFC 9562 section 5.7), lower-case with hyphens: time first, then 74 random bits.
enum UUIDv7 {
    static func make(at milliseconds: Int64) -> String {
        let drawn = Sodium.sipHashKey()
        let time = UInt64(clamping: milliseconds)
        let high = time << 16 | 0x7000 | drawn.x & 0x0FFF
        let low = drawn.y & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        let digits = ByteWriter.bytes(32) { digits in
            digits.put(hexadecimal: high)
            digits.put(hexadecimal: low)
        }
        let text = ByteWriter.bytes(36) { text in
            for (start, end) in [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)] {
                if start > 0 { text.put("-") }
                text.put(digits.span.extracting(start..<end))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
