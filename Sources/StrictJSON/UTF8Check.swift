/// Checks that bytes are well-formed UTF-8 (RFC 3629, Unicode table 3-7), without building a string.
public enum UTF8Check {
    /// The length of the well-formed sequence that starts at `position`; `nil` if there is none.
    static func sequenceLength(_ bytes: Span<UInt8>, at position: Int) -> Int? {
        guard position >= 0, position < bytes.count else { return nil }
        let lead = bytes[position]
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch lead {
        case 0x00...0x7F: return 1
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: length = 4
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: return nil
        }
        guard bytes.count - position >= length, second.contains(bytes[position + 1]) else { return nil }
        for i in 2..<max(length, 2) where bytes[position + i] & 0xC0 != 0x80 { return nil }
        return length
    }

    /// The offset of the first byte that is not part of well-formed UTF-8; `nil` if all bytes are.
    public static func firstError(in bytes: Span<UInt8>) -> Int? {
        var position = 0
        while position < bytes.count {
            if bytes[position] < 0x80 {
                position += 1
                continue
            }
            guard let length = sequenceLength(bytes, at: position) else { return position }
            position += length
        }
        return nil
    }
}
