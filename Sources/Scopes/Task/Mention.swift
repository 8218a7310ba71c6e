internal import StrictJSON

/// A thing that a prompt names: how it is written there, and the values that an argument may then have.
struct Mention {
    let text: String
    /// Where it stands in the prompt, as a byte offset.
    let place: Int
    let values: [JSONTree]
    /// A constraint that admits what the values do not list, such as the pages of a host.
    var clause: JSONTree?

    init(text: String, place: Int, values: [JSONTree], clause: JSONTree? = nil) {
        (self.text, self.place, self.values, self.clause) = (text, place, values, clause)
    }

    /// The things of one kind that a prompt names, in its order.
    static func all(of kind: MentionKind, in prompt: Prompt) -> [Mention] {
        var found: [Mention] = []
        switch kind {
        case .address: addresses(in: prompt, &found)
        case .url: prompt.forEachToken { if let mention = url(prompt, $0) { found.append(mention) } }
        case .account: accounts(in: prompt, &found)
        case .path:
            prompt.forEachToken { if let mention = path(prompt, $0) { found.append(mention) } }
            for range in quoted(in: prompt) { if let mention = path(prompt, range) { found.append(mention) } }
        case .channel: channels(in: prompt, &found)
        case .quoted:
            for range in quoted(in: prompt) {
                let text = prompt.text(range)
                found.append(Mention(text: text, place: range.lowerBound, values: [.string(text)]))
            }
        case .name: break
        case .date: dates(in: prompt, &found)
        case .amount: amounts(in: prompt, &found)
        }
        return found
    }

    private static func isLocal(_ byte: UInt8) -> Bool {
        Prompt.isLetter(byte) || Prompt.isDigit(byte) || "._%+-".utf8.contains(byte)
    }

    static func isHost(_ byte: UInt8) -> Bool {
        Prompt.isLetter(byte) || Prompt.isDigit(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-")
    }

    /// Mail addresses of ASCII. One that touches a letter of another script is not read in part: that would be another
    /// address than the person wrote.
    private static func addresses(in prompt: Prompt, _ found: inout [Mention]) {
        let bytes = prompt.bytes
        for at in bytes.indices where bytes[at] == UInt8(ascii: "@") {
            var (low, high) = (at, at + 1)
            while low > 0, at - low < 65, isLocal(bytes[low - 1]) { low -= 1 }
            while high < bytes.count, high - at < 255, isHost(bytes[high]) { high += 1 }
            let isWhole =
                (low == 0 || !Prompt.isWord(bytes[low - 1]) && bytes[low - 1] != UInt8(ascii: "@"))
                && (high == bytes.count || !Prompt.isWord(bytes[high]) && bytes[high] != UInt8(ascii: "@"))
            while high > at + 1, bytes[high - 1] == UInt8(ascii: ".") || bytes[high - 1] == UInt8(ascii: "-") {
                high -= 1
            }
            guard isWhole, low < at, bytes[low] != UInt8(ascii: "."), bytes[at + 1..<high].contains(UInt8(ascii: ".")),
                bytes[at + 1] != UInt8(ascii: ".")
            else { continue }
            let text = prompt.text(low..<high)
            found.append(Mention(text: text, place: low, values: [.string(text)]))
        }
    }

    /// `#general` is a channel, with and without its sign.
    private static func channels(in prompt: Prompt, _ found: inout [Mention]) {
        let bytes = prompt.bytes
        for sign in bytes.indices
        where bytes[sign] == UInt8(ascii: "#") && (sign == 0 || !Prompt.isWord(bytes[sign - 1])) {
            var end = sign + 1
            while end < bytes.count, end - sign < 128, Prompt.isWord(bytes[end]) || bytes[end] == UInt8(ascii: "-") {
                end += 1
            }
            guard end > sign + 1 else { continue }
            let text = prompt.text(sign..<end)
            found.append(
                Mention(text: text, place: sign, values: [.string(text), .string(prompt.text(sign + 1..<end))]))
        }
    }

    /// Texts between quotes: '…', "…", `…`, “…”, ‘…’. A quote begins after a space or a sign: an apostrophe is none.
    private static func quoted(in prompt: Prompt) -> [Range<Int>] {
        let bytes = prompt.bytes
        var found: [Range<Int>] = []
        var place = 0
        while place < bytes.count {
            guard let close = closing(bytes, place), place == 0 || !Prompt.isWord(bytes[place - 1]) else {
                place += 1
                continue
            }
            let start = place + close.count
            var end = start
            while end < bytes.count, end - start <= 256, bytes[end] != 0x0A, !isClosed(bytes, end, by: close) {
                end += 1
            }
            if end > start, end < bytes.count, isClosed(bytes, end, by: close) {
                found.append(start..<end)
                place = end
            }
            place += close.count
        }
        return found
    }

    /// The quote that ends what begins with the one at a place; `nil` if none does. Each is as long as its other.
    private static func closing(_ bytes: [UInt8], _ place: Int) -> [UInt8]? {
        switch bytes[place] {
        case UInt8(ascii: "'"), UInt8(ascii: "\""), UInt8(ascii: "`"): return [bytes[place]]
        case 0xE2 where place + 2 < bytes.count && bytes[place + 1] == 0x80:
            // U+2018 and U+201C; the next scalar is the other.
            let last = bytes[place + 2]
            return last == 0x98 || last == 0x9C ? [0xE2, 0x80, last + 1] : nil
        default: return nil
        }
    }

    private static func isClosed(_ bytes: [UInt8], _ place: Int, by close: [UInt8]) -> Bool {
        let end = place + close.count
        guard end <= bytes.count, bytes[place] == close[0] else { return false }
        if close.count > 1 { return bytes[place + 1] == close[1] && bytes[place + 2] == close[2] }
        return end == bytes.count || !Prompt.isWord(bytes[end])
    }
}
