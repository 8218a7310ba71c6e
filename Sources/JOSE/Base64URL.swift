/// Base64url without padding (RFC 4648 section 5, RFC 7515 section 2): one text for each byte string, and no other.
public enum Base64URL {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// The value of each character; 0xFF for those that are none of ours.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 0xFF, count: 256)
        for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
        return values
    }()

    /// Appends the encoding of `bytes`. Not constant-time: secrets go through libsodium's.
    public static func append(_ bytes: Span<UInt8>, to output: inout [UInt8]) {
        let alphabet = alphabet
        output.reserveCapacity(output.count + (bytes.count * 4 + 2) / 3)
        var i = 0
        while i + 2 < bytes.count {
            let word = Int(bytes[i]) << 16 | Int(bytes[i + 1]) << 8 | Int(bytes[i + 2])
            output.append(alphabet[word >> 18])
            output.append(alphabet[word >> 12 & 63])
            output.append(alphabet[word >> 6 & 63])
            output.append(alphabet[word & 63])
            i += 3
        }
        let rest = bytes.count - i
        if rest == 1 {
            output.append(alphabet[Int(bytes[i]) >> 2])
            output.append(alphabet[Int(bytes[i]) << 4 & 63])
        } else if rest == 2 {
            let word = Int(bytes[i]) << 8 | Int(bytes[i + 1])
            output.append(alphabet[word >> 10])
            output.append(alphabet[word >> 4 & 63])
            output.append(alphabet[word << 2 & 63])
        }
    }

    /// The encoding of `bytes`, as text.
    public static func encode(_ bytes: [UInt8]) -> String {
        var output: [UInt8] = []
        append(bytes.span, to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    /// The bytes that `text` stands for.
    ///
    /// Refuses padding, whitespace, `+` and `/`, impossible lengths, and trailing bits that are not zero: whatever is
    /// accepted encodes back to the very same text.
    public static func decode(_ text: Span<UInt8>) throws(JOSEError) -> [UInt8] {
        guard text.count % 4 != 1 else { throw JOSEError("base64url", "no base64url text has this length") }
        let values = values
        let table = values.span
        var output: [UInt8] = []
        output.reserveCapacity(text.count / 4 * 3 + 2)
        var i = 0
        let whole = text.count & ~3
        while i < whole {
            let a = table[Int(text[i])]
            let b = table[Int(text[i + 1])]
            let c = table[Int(text[i + 2])]
            let d = table[Int(text[i + 3])]
            guard (a | b | c | d) & 0xC0 == 0 else { throw illegalCharacter(in: text, from: i) }
            output.append(a << 2 | b >> 4)
            output.append(b << 4 | c >> 2)
            output.append(c << 6 | d)
            i += 4
        }
        if text.count - i >= 2 {
            let a = table[Int(text[i])]
            let b = table[Int(text[i + 1])]
            let c = text.count - i == 3 ? table[Int(text[i + 2])] : 0
            guard (a | b | c) & 0xC0 == 0 else { throw illegalCharacter(in: text, from: i) }
            let unused = text.count - i == 3 ? c & 0x03 : b & 0x0F
            guard unused == 0 else {
                throw JOSEError("base64url", "the last character has bits that encode nothing", at: text.count - 1)
            }
            output.append(a << 2 | b >> 4)
            if text.count - i == 3 { output.append(b << 4 | c >> 2) }
        }
        return output
    }

    /// The bytes that `text` stands for; as ``decode(_:)-(Span<UInt8>)``.
    public static func decode(_ text: String) throws(JOSEError) -> [UInt8] {
        let utf8 = Array(text.utf8)
        return try decode(utf8.span)
    }

    private static func illegalCharacter(in text: Span<UInt8>, from start: Int) -> JOSEError {
        var position = start
        while position < text.count, values[Int(text[position])] != 0xFF { position += 1 }
        return JOSEError(
            "base64url", "a character is not of the base64url alphabet (padding is not allowed)", at: position)
    }
}
