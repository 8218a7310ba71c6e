internal import JOSE

/// Base64 with padding (RFC 4648 section 4), as notes use it: one text for each byte string, and no other.
enum Base64 {
    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        Base64URL.append(bytes.span, to: &text)
        for i in text.indices {
            if text[i] == UInt8(ascii: "-") { text[i] = UInt8(ascii: "+") }
            if text[i] == UInt8(ascii: "_") { text[i] = UInt8(ascii: "/") }
        }
        while !text.count.isMultiple(of: 4) { text.append(UInt8(ascii: "=")) }
        return String(decoding: text, as: UTF8.self)
    }

    /// Decodes the one valid encoding; `nil` for anything else.
    static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        guard text.count.isMultiple(of: 4) else { return nil }
        var characters = Array(text)
        for _ in 0..<2 where characters.last == UInt8(ascii: "=") { characters.removeLast() }
        for i in characters.indices {
            switch characters[i] {
            case UInt8(ascii: "-"), UInt8(ascii: "_"): return nil
            case UInt8(ascii: "+"): characters[i] = UInt8(ascii: "-")
            case UInt8(ascii: "/"): characters[i] = UInt8(ascii: "_")
            default: break
            }
        }
        return try? Base64URL.decode(characters.span)
    }
}
