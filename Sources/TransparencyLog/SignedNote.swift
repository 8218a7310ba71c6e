internal import JOSE
internal import StrictJSON

/// A text with one or more signatures (C2SP signed-note). Only a signature that verifies gives access to the text.
public enum SignedNote {
    /// The longest note that is read, in bytes.
    public static let longest = 1 << 20
    private static let mostSignatures = 100
    private static let dash = Array("\u{2014} ".utf8)

    /// Makes a note of `text` with one signature; `sign` returns 64 bytes, which are verified here.
    public static func sign<E: Error>(
        _ text: String, as key: NoteKey, _ sign: ([UInt8]) throws(E) -> [UInt8]
    ) throws -> [UInt8] {
        let message = Array(text.utf8)
        guard message.last == 0x0A, isPlain(message.span) else {
            throw TransparencyLogError(
                "note_text", "a note's text ends in a newline and has no other control character")
        }
        let signature = try sign(message)
        guard key.publicKey.verifies(signature.span, of: message.span) else {
            throw TransparencyLogError("note_signature", "the signer's signature does not verify", at: key.name)
        }
        let identifier = (0..<4).map { UInt8(truncatingIfNeeded: key.identifier >> UInt32(24 - 8 * $0)) }
        return message + Array("\n\u{2014} \(key.name) \(Base64.encode(identifier + signature))\n".utf8)
    }

    /// Returns the text of a note that `key` signed.
    ///
    /// Signatures of other keys are skipped. A signature that names this key and does not verify refuses the note.
    public static func open(_ note: [UInt8], by key: NoteKey) throws(TransparencyLogError) -> String {
        guard note.count <= longest else { throw TransparencyLogError("note_length", "the note is too long") }
        guard isPlain(note.span), note.last == 0x0A, let blank = lastBlankLine(note) else { throw malformed }
        let text = Array(note[..<(blank + 1)])
        let lines = note[(blank + 2)...].dropLast().split(separator: 0x0A, omittingEmptySubsequences: false)
        guard !lines.isEmpty, lines.count <= mostSignatures else { throw malformed }
        var isSigned = false
        for line in lines {
            guard line.starts(with: dash) else { throw malformed }
            let parts = line.dropFirst(dash.count).split(separator: 0x20, omittingEmptySubsequences: false)
            guard parts.count == 2, NoteKey.isName(String(decoding: parts[0], as: UTF8.self)),
                let bytes = Base64.decode(parts[1]), bytes.count > 4
            else { throw malformed }
            let identifier = bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
            guard identifier == key.identifier, parts[0].elementsEqual(key.name.utf8) else { continue }
            guard key.publicKey.verifies(bytes.span.extracting(4..<bytes.count), of: text.span) else {
                throw TransparencyLogError("note_signature", "the note's signature does not verify", at: key.name)
            }
            isSigned = true
        }
        guard isSigned else {
            throw TransparencyLogError("note_unsigned", "the note has no signature of the key \(key)")
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static let malformed = TransparencyLogError(
        "note", "a note is text, a blank line, and lines of signatures, each ending in a newline")

    /// Whether the bytes are UTF-8 without control characters other than newline.
    private static func isPlain(_ bytes: Span<UInt8>) -> Bool {
        guard UTF8Check.firstError(in: bytes) == nil else { return false }
        for i in bytes.indices where bytes[i] < 0x20 && bytes[i] != 0x0A { return false }
        return true
    }

    /// The position of the newline before the last blank line.
    private static func lastBlankLine(_ note: [UInt8]) -> Int? {
        var position = note.count - 2
        while position >= 0 {
            if note[position] == 0x0A, note[position + 1] == 0x0A { return position }
            position -= 1
        }
        return nil
    }
}
