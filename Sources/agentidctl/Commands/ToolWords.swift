import StrictJSON

/// The words of a tool's name: of `sendMail`, `SEND_MAIL`, `mail.send` and `HTTPGet`, in lower case of ASCII.
struct ToolWords {
    private var words: [ToolWord] = []
    /// Where the last segment begins: `mail.read` is what `mail` has to read.
    private var start = 0

    init(_ name: String) {
        let bytes = Array(name.utf8)
        var word: [UInt8] = []
        func end() {
            if !word.isEmpty { words.append(ToolWord(word)) }
            word = []
        }
        for (i, byte) in bytes.enumerated() {
            guard Self.isLetter(byte) else {
                end()
                if "./:".utf8.contains(byte) || byte == UInt8(ascii: "_") && i > 0 && bytes[i - 1] == byte {
                    start = words.count
                } else if Self.isJoin(at: i, of: bytes) {
                    words.append(ToolWord(Array("and".utf8)))
                }
                continue
            }
            if i > 0, Self.isUpper(byte), Self.isLetter(bytes[i - 1]),
                !Self.isUpper(bytes[i - 1]) || Self.beginsWord(at: i, of: bytes)
            {
                end()
            }
            word.append(byte | 0x20)
        }
        end()
    }

    private init(_ words: [ToolWord]) { self.words = words }

    /// Whether one of the words is listed.
    func say(_ list: [String]) -> Bool { words.contains { $0.isIn(list) } }

    /// Whether the first word of the last segment is listed.
    func isFirst(_ list: [String]) -> Bool { words.dropFirst(start).first?.isIn(list) ?? false }

    /// The words before, between and after those that are listed.
    func parts(between list: [String]) -> [ToolWords] {
        words.split(omittingEmptySubsequences: false) { $0.isIn(list) }.map { ToolWords(Array($0)) }
    }

    /// Whether a capital after capitals begins a word, as in `HTTPGet`, and not in `openURLs`.
    private static func beginsWord(at i: Int, of bytes: [UInt8]) -> Bool {
        let rest = bytes[(i + 1)...].prefix { isLetter($0) && !isUpper($0) }
        return !rest.isEmpty && !rest.elementsEqual("s".utf8)
    }

    /// Whether a sign stands for `and` or `to`: `read&post`, `inbox2mail`.
    private static func isJoin(at i: Int, of bytes: [UInt8]) -> Bool {
        if "_- ".utf8.contains(bytes[i]) { return false }
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[i]) else { return true }
        return "24".utf8.contains(bytes[i]) && i > 0 && isLetter(bytes[i - 1]) && i + 1 < bytes.count
            && isLetter(bytes[i + 1])
    }

    private static func isUpper(_ byte: UInt8) -> Bool { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) && byte >= UInt8(ascii: "A")
    }
}

/// A word, and what it may be a form of: `replies` of `reply`, `running` of `run`.
struct ToolWord {
    private var forms: [String] = []

    init(_ word: [UInt8]) {
        add(word)
        if let stem = Self.stem(of: word, without: "ies") { add(stem + [UInt8(ascii: "y")]) }
        for ending in ["s", "es"] { if let stem = Self.stem(of: word, without: ending) { add(stem) } }
        // A setting is a thing: nobody sets it.
        guard let stem = Self.stem(of: word, without: "ing") ?? Self.stem(of: word, without: "ings"),
            !stem.elementsEqual("sett".utf8), !stem.elementsEqual("sav".utf8)
        else { return }
        add(stem)
        add(stem + [UInt8(ascii: "e")])
        if stem.count > 2, stem[stem.count - 1] == stem[stem.count - 2] { add(stem.dropLast()) }
    }

    func isIn(_ list: [String]) -> Bool { forms.contains { list.holds($0) } }

    private mutating func add(_ bytes: some Collection<UInt8>) { forms.append(String(decoding: bytes, as: UTF8.self)) }

    private static func stem(of word: [UInt8], without ending: String) -> [UInt8]? {
        word.count > ending.utf8.count + 1 && word.ends(ending) ? Array(word.dropLast(ending.utf8.count)) : nil
    }
}

extension [UInt8] {
    fileprivate func ends(_ text: String) -> Bool { suffix(text.utf8.count).elementsEqual(text.utf8) }
}
