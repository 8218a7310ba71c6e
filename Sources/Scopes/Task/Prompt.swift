internal import StrictJSON

/// A person's own words. They are text from outside: read by their bytes, in time linear in them, and never changed.
struct Prompt {
    /// The longest prompt, in bytes.
    static let longest = 1 << 16

    let bytes: [UInt8]
    /// The same with the letters of ASCII in lower case.
    let folded: [UInt8]

    init(_ text: String) throws(ScopeError) {
        bytes = Array(text.utf8)
        guard bytes.count <= Self.longest else {
            throw ScopeError(
                "limit_exceeded", "a prompt has at most \(Self.longest) bytes: give the person's own words")
        }
        folded = bytes.map(Self.fold)
    }

    static func fold(_ byte: UInt8) -> UInt8 { isUpper(byte) ? byte | 0x20 : byte }
    static func isUpper(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") }
    static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
    static func isLetter(_ byte: UInt8) -> Bool {
        isUpper(byte) || byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z")
    }
    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte >= 0x09 && byte <= 0x0D }

    /// Whether a byte may be inside a word. Those beyond ASCII count: a name is not found in a part of a longer one.
    static func isWord(_ byte: UInt8) -> Bool {
        isLetter(byte) || isDigit(byte) || byte == UInt8(ascii: "_") || byte >= 0x80
    }

    func isBoundary(_ place: Int) -> Bool {
        place <= 0 || place >= bytes.count || !Self.isWord(bytes[place - 1]) || !Self.isWord(bytes[place])
    }

    func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

    /// The places where words begin.
    func forEachWord(_ body: (_ place: Int, _ end: Int) -> Void) {
        var place = 0
        while place < bytes.count {
            guard Self.isWord(bytes[place]) else {
                place += 1
                continue
            }
            let start = place
            while place < bytes.count, Self.isWord(bytes[place]) { place += 1 }
            body(start, place)
        }
    }

    /// The runs of bytes between spaces, quotes and brackets, without the punctuation of sentences around them.
    func forEachToken(_ body: (Range<Int>) -> Void) {
        var start = 0
        for place in 0...bytes.count where place == bytes.count || Self.isDelimiter(bytes[place]) {
            var (low, high) = (start, place)
            while low < high, Self.isPunctuation(bytes[high - 1]) { high -= 1 }
            while low < high, bytes[low] == UInt8(ascii: ",") || bytes[low] == UInt8(ascii: ";") { low += 1 }
            if low < high { body(low..<high) }
            start = place + 1
        }
    }

    private static func isDelimiter(_ byte: UInt8) -> Bool { isSpace(byte) || "\"'`<>()[]{}|,".utf8.contains(byte) }
    private static func isPunctuation(_ byte: UInt8) -> Bool { ".,;:!?".utf8.contains(byte) }
}

/// A word that a prompt may have, whatever the case of its letters; with a `*` at its end, any that begins so.
struct PromptWord: Sendable {
    let bytes: [UInt8]
    let isStart: Bool

    init?(_ text: String) {
        var bytes = Array(text.utf8)
        isStart = bytes.last == UInt8(ascii: "*")
        if isStart { bytes.removeLast() }
        guard (1...64).contains(bytes.count), bytes.allSatisfy({ Prompt.isLetter($0) || Prompt.isDigit($0) }) else {
            return nil
        }
        self.bytes = bytes.map(Prompt.fold)
    }

    func stands(in word: ArraySlice<UInt8>) -> Bool {
        isStart ? word.starts(with: bytes) : word.elementsEqual(bytes)
    }
}
