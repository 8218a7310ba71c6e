/// A URI with an authority, parsed strictly (RFC 3986): anything that two parsers might read differently is refused.
///
/// Refused are userinfo, characters outside RFC 3986, percent-escapes in the host, an empty or overlong label, a
/// trailing dot, a number as a host's last label unless the host is a plain dotted quad, and a port with leading zeros.
struct HierarchicalURI {
    static let longest = 8192

    let scheme: Range<Int>
    /// The host without brackets.
    let host: Range<Int>
    /// The address, if the host is one.
    let address: IPAddress?
    let port: Int?
    let path: Range<Int>

    init?(_ text: Span<UInt8>) {
        guard (1...Self.longest).contains(text.count), Self.hasOnlyURICharacters(text) else { return nil }
        var position = 0
        while position < text.count, Self.isSchemeByte(text[position], first: position == 0) { position += 1 }
        guard position > 0, text.count - position > 3, text[position] == UInt8(ascii: ":"),
            text[position + 1] == UInt8(ascii: "/"), text[position + 2] == UInt8(ascii: "/")
        else { return nil }
        scheme = 0..<position
        let start = position + 3
        var end = start
        while end < text.count, !Self.endsAuthority(text[end]) {
            guard text[end] != UInt8(ascii: "@") else { return nil }
            end += 1
        }
        guard let (host, address, portStart) = Self.host(text, start..<end) else { return nil }
        (self.host, self.address) = (host, address)
        if portStart == end {
            port = nil
        } else {
            guard text[portStart] == UInt8(ascii: ":"), let port = Self.port(text.extracting(portStart + 1..<end))
            else {
                return nil
            }
            self.port = port
        }
        var pathEnd = end
        while pathEnd < text.count, text[pathEnd] != UInt8(ascii: "?"), text[pathEnd] != UInt8(ascii: "#") {
            pathEnd += 1
        }
        path = end..<pathEnd
    }

    private static func endsAuthority(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "/") || byte == UInt8(ascii: "?") || byte == UInt8(ascii: "#")
    }

    static func isSchemeByte(_ byte: UInt8, first: Bool) -> Bool {
        switch byte | 0x20 {
        case UInt8(ascii: "a")...UInt8(ascii: "z"): return true
        default: break
        }
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
            return !first
        default: return false
        }
    }

    /// RFC 3986 section 2; a `%` only before two hexadecimal digits.
    static func hasOnlyURICharacters(_ text: Span<UInt8>) -> Bool {
        var position = 0
        while position < text.count {
            switch text[position] {
            case UInt8(ascii: "%"):
                guard text.count - position > 2, IPAddress.hexDigit(text[position + 1]) != nil,
                    IPAddress.hexDigit(text[position + 2]) != nil
                else { return false }
                position += 2
            case UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\\"), UInt8(ascii: "^"),
                UInt8(ascii: "`"), UInt8(ascii: "{"), UInt8(ascii: "|"), UInt8(ascii: "}"):
                return false
            case 0x21...0x7E: break
            default: return false
            }
            position += 1
        }
        return true
    }

    private static func host(
        _ text: Span<UInt8>, _ authority: Range<Int>
    ) -> (host: Range<Int>, address: IPAddress?, end: Int)? {
        guard !authority.isEmpty else { return nil }
        if text[authority.lowerBound] == UInt8(ascii: "[") {
            var end = authority.lowerBound + 1
            while end < authority.upperBound, text[end] != UInt8(ascii: "]") { end += 1 }
            let inside = authority.lowerBound + 1..<end
            guard end < authority.upperBound, let address = IPAddress(version6: text.extracting(inside)) else {
                return nil
            }
            return (inside, address, end + 1)
        }
        var end = authority.lowerBound
        while end < authority.upperBound, text[end] != UInt8(ascii: ":") { end += 1 }
        let host = authority.lowerBound..<end
        guard let lastLabel = lastLabel(text, host) else { return nil }
        guard isNumber(text.extracting(lastLabel)) else { return (host, nil, end) }
        guard let address = IPAddress(version4: text.extracting(host)) else { return nil }
        return (host, address, end)
    }

    /// The last label of a host of 1 to 253 bytes whose labels have 1 to 63 letters, digits, `-` and `_`.
    static func lastLabel(_ text: Span<UInt8>, _ host: Range<Int>) -> Range<Int>? {
        guard (1...253).contains(host.count) else { return nil }
        var start = host.lowerBound
        for i in host {
            switch text[i] {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                guard i - start < 63 else { return nil }
            case UInt8(ascii: "."):
                guard i > start else { return nil }
                start = i + 1
            default: return nil
            }
        }
        return start < host.upperBound ? start..<host.upperBound : nil
    }

    /// Whether some parsers take the label for an IPv4 number: decimal digits, or hexadecimal ones after `0x`.
    static func isNumber(_ label: Span<UInt8>) -> Bool {
        var start = 0
        let isHexadecimal = label.count >= 2 && label[0] == 48 && label[1] | 0x20 == UInt8(ascii: "x")
        if isHexadecimal { start = 2 }
        for i in start..<label.count {
            guard isHexadecimal ? IPAddress.hexDigit(label[i]) != nil : label[i] &- 48 <= 9 else { return false }
        }
        return true
    }

    private static func port(_ digits: Span<UInt8>) -> Int? {
        guard (1...5).contains(digits.count), digits[0] != 48 else { return nil }
        var port = 0
        for i in digits.indices {
            guard digits[i] &- 48 <= 9 else { return nil }
            port = port * 10 + Int(digits[i] &- 48)
        }
        return port <= 65535 ? port : nil
    }
}
