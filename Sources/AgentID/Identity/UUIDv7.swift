internal import JOSE

/// A UUID of version 7 (RFC 9562 section 5.7), lower-case with hyphens: time first, then 74 random bits.
enum UUIDv7 {
    static func make(at milliseconds: Int64) -> String {
        var bytes = Sodium.randomBytes(16)
        let time = UInt64(clamping: milliseconds)
        for i in 0..<6 { bytes[i] = UInt8(truncatingIfNeeded: time >> UInt64(40 - 8 * i)) }
        bytes[6] = bytes[6] & 0x0F | 0x70
        bytes[8] = bytes[8] & 0x3F | 0x80
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(36)
        for (i, byte) in bytes.enumerated() {
            if [4, 6, 8, 10].contains(i) { text.append(UInt8(ascii: "-")) }
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}
