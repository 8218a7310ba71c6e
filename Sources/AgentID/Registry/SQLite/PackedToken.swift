internal import JOSE

/// Tokens as the registry stores them: parts shared with other tokens are stored once.
///
/// The grants and tombstones of a profile's agents differ in a few IDs, a key, times and a signature; as sent,
/// base64url hides even that. A packed token is the same bytes without base64url, as pieces of a stored *sample* and
/// pieces of its own. Unpacking returns the original text, to the byte, or an error.
struct PackedToken {
    /// The sample it refers to, by number.
    struct Sample {
        let number: Int64
        let bytes: [UInt8]
    }

    /// The first byte of a packed token: no token begins with it.
    private static let mark: UInt8 = 1
    /// The longest text that is packed, in bytes; longer ones are stored unchanged.
    static let longest = 256 << 10
    /// The longest sample, in bytes.
    static let longestSample = 16 << 10
    private static let shortest = 6
    private static let hashBits = 12

    /// Packs a token against a sample.
    static func pack(_ text: String, _ sample: Sample) -> [UInt8] {
        let plain = Array(text.utf8)
        guard plain.count <= longest else { return plain }
        let own = expand(plain)
        var packed = [mark]
        append(UInt64(bitPattern: sample.number), to: &packed)
        let all = sample.bytes + own
        var places = [Int](repeating: -1, count: 1 << hashBits)
        func hash(_ i: Int) -> Int {
            let word = UInt32(all[i]) | UInt32(all[i + 1]) << 8 | UInt32(all[i + 2]) << 16 | UInt32(all[i + 3]) << 24
            return Int((word &* 2_654_435_761) >> UInt32(32 - hashBits))
        }
        let last = all.count - 4
        if sample.bytes.count > 4 { for i in 0...min(sample.bytes.count - 4, max(last, 0)) { places[hash(i)] = i } }
        var (position, literals) = (sample.bytes.count, sample.bytes.count)
        func flush(_ end: Int) {
            guard end > literals else { return }
            append(UInt64(end - literals) << 1, to: &packed)
            packed += all[literals..<end]
        }
        while position < all.count {
            var length = 0
            var from = -1
            if position <= last {
                let slot = hash(position)
                from = places[slot]
                places[slot] = position
                if from >= 0 {
                    while position + length < all.count, all[from + length] == all[position + length] { length += 1 }
                }
            }
            guard length >= shortest else {
                position += 1
                continue
            }
            flush(position)
            append(UInt64(length) << 1 | 1, to: &packed)
            append(UInt64(position - from), to: &packed)
            for i in position + 1..<position + length where i <= last { places[hash(i)] = i }
            position += length
            literals = position
        }
        flush(position)
        return packed.count < plain.count ? packed : plain
    }

    /// The number of the sample that a packed token needs; `nil` if it was stored unchanged.
    static func sample(of packed: [UInt8]) -> Int64? {
        guard packed.first == mark else { return nil }
        var at = 1
        return number(packed, &at).map { Int64(bitPattern: $0) }
    }

    /// The text that was packed; `nil` if it is damaged.
    static func unpack(_ packed: [UInt8], _ sample: [UInt8]) -> String? {
        guard packed.first == mark else { return String(validating: packed, as: UTF8.self) }
        var at = 1
        guard number(packed, &at) != nil else { return nil }
        var all = sample
        let most = sample.count + 2 * longest
        while at < packed.count {
            guard let head = number(packed, &at), head >> 1 > 0, let length = Int(exactly: head >> 1),
                all.count <= most, length <= most - all.count
            else { return nil }
            guard head & 1 == 1 else {
                guard length <= packed.count - at else { return nil }
                all += packed[at..<at + length]
                at += length
                continue
            }
            guard let distance = number(packed, &at).flatMap({ Int(exactly: $0) }), distance >= 1, distance <= all.count
            else { return nil }
            // A piece may overlap its own output.
            for _ in 0..<length { all.append(all[all.count - distance]) }
        }
        return collapse(all[sample.count...])
    }

    /// The sample made of a text, for others like it.
    static func sampled(_ text: String) -> [UInt8] { expand(Array(text.utf8)) }

    /// Removes base64url: a count, a flag whether it was removed, and the bytes, for each part between `.` and `~`.
    private static func expand(_ text: [UInt8]) -> [UInt8] {
        var expanded: [UInt8] = []
        expanded.reserveCapacity(text.count)
        var start = 0
        for end in 0...text.count where end == text.count || text[end] == 0x2E || text[end] == 0x7E {
            let part = Array(text[start..<end])
            let separator = end < text.count ? text[end] : 0
            var (bytes, isTaken) = (part, false)
            if !part.isEmpty, let decoded = try? Base64URL.decode(String(decoding: part, as: UTF8.self)),
                Array(Base64URL.encode(decoded).utf8) == part
            {
                (bytes, isTaken) = (decoded, true)
            }
            expanded.append(separator)
            append(UInt64(bytes.count) << 1 | (isTaken ? 1 : 0), to: &expanded)
            expanded += bytes
            start = end + 1
        }
        return expanded
    }

    private static func collapse(_ expanded: ArraySlice<UInt8>) -> String? {
        let bytes = Array(expanded)
        var (at, text) = (0, [UInt8]())
        while at < bytes.count {
            let separator = bytes[at]
            at += 1
            guard let head = number(bytes, &at), let count = Int(exactly: head >> 1), count <= bytes.count - at else {
                return nil
            }
            let part = Array(bytes[at..<at + count])
            at += count
            text += head & 1 == 1 ? Array(Base64URL.encode(part).utf8) : part
            if separator != 0 { text.append(separator) }
        }
        return String(validating: text, as: UTF8.self)
    }

    private static func append(_ number: UInt64, to bytes: inout [UInt8]) {
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    private static func number(_ bytes: [UInt8], _ at: inout Int) -> UInt64? {
        var (value, shift): (UInt64, UInt64) = (0, 0)
        while at < bytes.count, shift < 64 {
            let byte = bytes[at]
            at += 1
            value |= UInt64(byte & 0x7F) << shift
            guard byte & 0x80 != 0 else { return value }
            shift += 7
        }
        return nil
    }
}
