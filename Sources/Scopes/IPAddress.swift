/// An IPv4 or IPv6 address in exactly the text forms of RFC 3986 section 3.2.2: no octal, hexadecimal or short IPv4, no zone.
struct IPAddress: Sendable, Hashable {
    /// The address as a number; 32 bits for IPv4.
    let bits: UInt128
    let isVersion6: Bool

    var width: Int { isVersion6 ? 128 : 32 }

    /// The number of ways to read an IPv4 address in an IPv6 one.
    static var ways: Int { 5 }

    /// The IPv4 address that this is, or that a packet to it may end at, read in one of the ways: mapped (RFC 4291),
    /// compatible, translated (RFC 2765), NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056), Teredo (RFC 4380), ISATAP (RFC 5214).
    func version4(_ way: Int) -> UInt128? {
        let low = bits & 0xFFFF_FFFF
        guard isVersion6 else { return way == 0 ? low : nil }
        // The operator chooses how long the prefix of NAT64 is.
        let isLocal = bits >> 80 == 0x0064_FF9B_0001
        let isTeredo = bits >> 96 == 0x2001_0000
        switch way {
        case 0:
            if bits >> 112 == 0x2002 { return bits >> 80 & 0xFFFF_FFFF }
            if isTeredo { return low ^ 0xFFFF_FFFF }
            let prefix = bits >> 32
            return isLocal || prefix == 0 || prefix == 0xFFFF || prefix == 0xFFFF << 16 || prefix == 0x0064_FF9B << 64
                ? low : nil
        case 1:
            if isTeredo { return bits >> 64 & 0xFFFF_FFFF }
            return bits >> 32 & 0xFDFF_FFFF == 0x5EFE ? low : nil
        case 2: return isLocal ? bits >> 24 & 0xFFFF_FFFF : nil
        case 3: return isLocal ? (bits >> 64 & 0xFF) << 24 | bits >> 32 & 0xFF_FFFF : nil
        case 4: return isLocal ? (bits >> 64 & 0xFFFF) << 16 | bits >> 40 & 0xFFFF : nil
        default: return nil
        }
    }

    /// Whether packets to both may end at one address.
    func mayBe(_ other: IPAddress) -> Bool {
        if self == other { return true }
        for way in 0..<Self.ways {
            guard let own = version4(way) else { continue }
            for theirs in 0..<Self.ways where other.version4(theirs) == own { return true }
        }
        return false
    }

    init(bits: UInt128, isVersion6: Bool) { (self.bits, self.isVersion6) = (bits, isVersion6) }

    /// Either version. An IPv4-mapped IPv6 address is an IPv6 address.
    init?(_ text: Span<UInt8>) {
        if let address = IPAddress(version4: text) ?? IPAddress(version6: text) { self = address } else { return nil }
    }

    init?(version4 text: Span<UInt8>) {
        var bits: UInt128 = 0
        var position = 0
        for part in 0..<4 {
            if part > 0 {
                guard position < text.count, text[position] == UInt8(ascii: ".") else { return nil }
                position += 1
            }
            let start = position
            var value: UInt128 = 0
            while position < text.count, position - start < 3, case let digit = text[position] &- 48, digit <= 9 {
                value = value * 10 + UInt128(digit)
                position += 1
            }
            guard position > start, value <= 255, position == start + 1 || text[start] != 48 else { return nil }
            bits = bits << 8 | value
        }
        guard position == text.count else { return nil }
        self.bits = bits
        isVersion6 = false
    }

    init?(version6 text: Span<UInt8>) {
        guard (2...45).contains(text.count) else { return nil }
        var groups = SIMD8<UInt16>(repeating: 0)
        var (count, position) = (0, 0)
        var gap: Int?
        if text[0] == UInt8(ascii: ":") {
            guard text[1] == UInt8(ascii: ":") else { return nil }
            (gap, position) = (0, 2)
        }
        while position < text.count {
            guard count < 8 else { return nil }
            let start = position
            var value: UInt16 = 0
            while position < text.count, position - start < 4, let digit = Self.hexDigit(text[position]) {
                value = value << 4 | UInt16(digit)
                position += 1
            }
            guard position > start else { return nil }
            if position < text.count, text[position] == UInt8(ascii: ".") {
                guard count <= 6, let tail = IPAddress(version4: text.extracting(start..<text.count)) else {
                    return nil
                }
                groups[count] = UInt16(truncatingIfNeeded: tail.bits >> 16)
                groups[count + 1] = UInt16(truncatingIfNeeded: tail.bits)
                count += 2
                break
            }
            groups[count] = value
            count += 1
            guard position < text.count else { break }
            guard text[position] == UInt8(ascii: ":"), position + 1 < text.count else { return nil }
            position += 1
            if text[position] == UInt8(ascii: ":") {
                guard gap == nil else { return nil }
                gap = count
                position += 1
            }
        }
        guard gap == nil ? count == 8 : count < 8 else { return nil }
        let zeros = 8 - count
        var bits: UInt128 = 0
        for i in 0..<8 {
            let before = gap ?? 8
            let group = i < before ? groups[i] : i < before + zeros ? 0 : groups[i - zeros]
            bits = bits << 16 | UInt128(group)
        }
        self.bits = bits
        isVersion6 = true
    }

    static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
