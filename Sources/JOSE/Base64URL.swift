/// Base64url without padding (RFC 4648 section 5, RFC 7515 section 2): one text for each byte string, and no other.
public enum Base64URL {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// The value of each character; 0xFF for characters outside the alphabet.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 0xFF, count: 256)
        for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
        return values
    }()

    /// The bits of each character, shifted for each of its four places: four tables one after the other. Bit 31 marks
    /// characters outside the alphabet.
    private static let placed: [UInt32] = [18, 12, 6, 0].flatMap { shift in
        values.map { $0 == 0xFF ? 1 << 31 : UInt32($0) << shift }
    }

    /// Appends the encoding of `bytes`. Not constant-time: secrets go through libsodium's.
    public static func append(_ bytes: Span<UInt8>, to output: inout [UInt8]) { output += characters(of: bytes) }

    private static func characters(of bytes: Span<UInt8>) -> [UInt8] {
        let alphabet = alphabet
        let whole = bytes.count / 3 * 3
        let rest = bytes.count - whole
        // The buffer is as long as the arithmetic here needs: 4 characters for each 3 bytes, 2 or 3 for a rest.
        let length = whole / 3 * 4 + (rest == 0 ? 0 : rest + 1)
        return unsafe [UInt8](unsafeUninitializedCapacity: length) { output, count in
            unsafe bytes.withUnsafeBufferPointer { bytes in
                unsafe alphabet.withUnsafeBufferPointer { alphabet in
                    var (i, o) = (0, 0)
                    while i < whole {
                        let word = unsafe Int(bytes[i]) << 16 | Int(bytes[i &+ 1]) << 8 | Int(bytes[i &+ 2])
                        unsafe output[o] = alphabet[word >> 18]
                        unsafe output[o &+ 1] = alphabet[word >> 12 & 63]
                        unsafe output[o &+ 2] = alphabet[word >> 6 & 63]
                        unsafe output[o &+ 3] = alphabet[word & 63]
                        i &+= 3
                        o &+= 4
                    }
                    if rest > 0 {
                        let word = unsafe Int(bytes[i]) << 8 | (rest == 2 ? Int(bytes[i + 1]) : 0)
                        unsafe output[o] = alphabet[word >> 10]
                        unsafe output[o + 1] = alphabet[word >> 4 & 63]
                        if rest == 2 { unsafe output[o + 2] = alphabet[word << 2 & 63] }
                        o += rest + 1
                    }
                    count = o
                }
            }
        }
    }

    /// The encoding of `bytes`, as text.
    public static func encode(_ bytes: [UInt8]) -> String {
        String(decoding: characters(of: bytes.span), as: UTF8.self)
    }

    /// Decodes `text`.
    ///
    /// Refuses padding, whitespace, `+` and `/`, impossible lengths, and trailing bits that are not zero. Whatever is
    /// accepted encodes back to the very same text.
    public static func decode(_ text: Span<UInt8>) throws(JOSEError) -> [UInt8] {
        guard text.count % 4 != 1 else { throw JOSEError("base64url", "no base64url text has this length") }
        let (values, placed) = (values, placed)
        let whole = text.count & ~3
        let rest = text.count - whole
        var isLegal = true
        var unused: UInt8 = 0
        // The two buffers are as long as the arithmetic here needs: 3 bytes for each 4 characters, 1 or 2 for a rest.
        let output = unsafe [UInt8](unsafeUninitializedCapacity: whole / 4 * 3 + max(rest - 1, 0)) { output, count in
            unsafe text.withUnsafeBufferPointer { text in
                unsafe values.withUnsafeBufferPointer { table in
                    var (i, o) = (0, 0)
                    var bits: UInt32 = 0
                    unsafe placed.withUnsafeBufferPointer { placed in
                        while i < whole {
                            let word =
                                unsafe placed[Int(text[i])] | placed[256 | Int(text[i &+ 1])]
                                | placed[512 | Int(text[i &+ 2])] | placed[768 | Int(text[i &+ 3])]
                            bits |= word
                            unsafe output[o] = UInt8(truncatingIfNeeded: word >> 16)
                            unsafe output[o &+ 1] = UInt8(truncatingIfNeeded: word >> 8)
                            unsafe output[o &+ 2] = UInt8(truncatingIfNeeded: word)
                            i &+= 4
                            o &+= 3
                        }
                    }
                    var bad: UInt8 = bits >> 31 == 0 ? 0 : 0xFF
                    if rest >= 2 {
                        let a = unsafe table[Int(text[i])]
                        let b = unsafe table[Int(text[i + 1])]
                        let c = rest == 3 ? unsafe table[Int(text[i + 2])] : 0
                        bad |= a | b | c
                        unused = rest == 3 ? c & 0x03 : b & 0x0F
                        unsafe output[o] = a << 2 | b >> 4
                        if rest == 3 { unsafe output[o + 1] = b << 4 | c >> 2 }
                        o += rest - 1
                    }
                    isLegal = bad & 0xC0 == 0
                    count = o
                }
            }
        }
        guard isLegal else { throw illegalCharacter(in: text) }
        guard unused == 0 else {
            throw JOSEError("base64url", "the last character has bits that encode nothing", at: text.count - 1)
        }
        return output
    }

    /// Decodes `text`; as ``decode(_:)-(Span<UInt8>)``.
    public static func decode(_ text: String) throws(JOSEError) -> [UInt8] {
        let utf8 = Array(text.utf8)
        return try decode(utf8.span)
    }

    private static func illegalCharacter(in text: Span<UInt8>) -> JOSEError {
        var position = 0
        while position < text.count, values[Int(text[position])] != 0xFF { position += 1 }
        return JOSEError(
            "base64url", "a character is not of the base64url alphabet (padding is not allowed)", at: position)
    }
}
