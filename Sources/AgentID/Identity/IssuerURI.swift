internal import StrictJSON

/// The name of an issuer: a URI (RFC 3986), as AAT section 3.2 demands of a root's `iss`.
enum IssuerURI {
    /// Refuses anything but a URI: a scheme and a colon, then the characters of a URI, `%` only before two hexadecimal
    /// digits.
    static func check(_ text: String, at place: String) throws(AgentIDError) {
        guard text.utf8.count <= 2048, text.withUTF8Span({ isURI($0) }) else {
            throw AgentIDError(
                .malformed, name: "uri",
                message: "an issuer is a URI of at most 2048 bytes, e.g. https://auth.example.com", at: place)
        }
    }

    static func isURI(_ text: Span<UInt8>) -> Bool {
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")), colon > 0, isLetter(text[0]) else { return false }
        for i in 1..<max(colon, 1) where !isLetter(text[i]) && !isDigit(text[i]) && !"+-.".utf8.contains(text[i]) {
            return false
        }
        var fragments = 0
        var position = colon + 1
        while position < text.count {
            let byte = text[position]
            if byte == UInt8(ascii: "%") {
                guard text.count - position > 2, isHex(text[position + 1]), isHex(text[position + 2]) else {
                    return false
                }
                position += 2
            } else if byte == UInt8(ascii: "#") {
                fragments += 1
            } else if !isLetter(byte), !isDigit(byte), !marks.contains(byte) {
                return false
            } else if fragments > 0, byte == UInt8(ascii: "[") || byte == UInt8(ascii: "]") {
                return false
            }
            position += 1
        }
        return fragments <= 1
    }

    /// Unreserved and reserved marks, except `#`, which may occur once.
    private static let marks = Set("-._~:/?[]@!$&'()*+,;=".utf8)

    private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }
    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    private static func isHex(_ byte: UInt8) -> Bool { isDigit(byte) || (0x61...0x66).contains(byte | 0x20) }
}
