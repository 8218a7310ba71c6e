internal import StrictJSON

/// Accounts, dates and amounts in a prompt.
extension Mention {
    /// IBANs, in groups of four too, and other numbers of accounts: 8 to 34 capitals and digits, at least 6 of them digits.
    static func accounts(in prompt: Prompt, _ found: inout [Mention]) {
        var groups: (start: Int, end: Int, text: [UInt8])?
        func close() {
            if let groups, isAccount(groups.text[...]), groups.text.count > 14 {
                let text = String(decoding: groups.text, as: UTF8.self)
                let written = prompt.text(groups.start..<groups.end)
                found.append(Mention(text: written, place: groups.start, values: [.string(text), .string(written)]))
            }
            groups = nil
        }
        prompt.forEachToken { range in
            let bytes = prompt.bytes[range]
            let isGroup = bytes.count <= 4 && bytes.allSatisfy { Prompt.isUpper($0) || Prompt.isDigit($0) }
            if isGroup, let open = groups, prompt.bytes[open.end] == 0x20, range.lowerBound == open.end + 1,
                open.text.count % 4 == 0, open.text.count < 32
            {
                groups = (open.start, range.upperBound, open.text + bytes)
                return
            }
            close()
            if isGroup, bytes.count == 4, bytes.prefix(2).allSatisfy(Prompt.isUpper),
                bytes.suffix(2).allSatisfy(Prompt.isDigit)
            {
                groups = (range.lowerBound, range.upperBound, Array(bytes))
            } else if isAccount(bytes) {
                let text = prompt.text(range)
                found.append(Mention(text: text, place: range.lowerBound, values: [.string(text)]))
            }
        }
        close()
    }

    private static func isAccount(_ bytes: ArraySlice<UInt8>) -> Bool {
        (8...34).contains(bytes.count) && bytes.count(where: Prompt.isDigit) >= 6
            && bytes.allSatisfy { Prompt.isUpper($0) || Prompt.isDigit($0) || $0 == UInt8(ascii: "-") }
            && day(bytes) == nil
    }

    /// `2026-05-15`, `2026/05/15`, also at the beginning of a time; `May 15th, 2026`, `15 May`, `the 13th to the 17th of May`.
    static func dates(in prompt: Prompt, _ found: inout [Mention]) {
        prompt.forEachToken { range in
            let bytes = prompt.bytes[range]
            guard let day = day(bytes.prefix(10)),
                bytes.count == 10 || bytes[range.lowerBound + 10] == UInt8(ascii: "T")
            else { return }
            let text = prompt.text(range)
            found.append(date(text, range.lowerBound, day))
        }
        var words: [Range<Int>] = []
        prompt.forEachWord { words.append($0..<$1) }
        // The first word that no month before has taken: in "January 11th to January 15th" the 11th is the first month's.
        var open = 0
        // More than are taken are not written out.
        for (i, word) in words.enumerated() where found.count <= TaskNarrowing.mostMentions {
            guard let month = month(prompt.folded[word]) else { continue }
            // The days before it, from the nearest on: "13th to the 17th of"; or else the one after it, which a year may follow.
            var (days, j, links) = ([Range<Int>](), i - 1, 0)
            while j >= open, links < 3 {
                let isDay = number(prompt, words[j], atMost: 31) != nil
                guard isDay || isLink(prompt.folded[words[j]]) else { break }
                if isDay { days.append(words[j]) }
                links = isDay ? 0 : links + 1
                j -= 1
            }
            var next = i + 1
            if days.isEmpty, next < words.count, number(prompt, words[next], atMost: 31) != nil {
                days.append(words[next])
                next += 1
            }
            // A year has four digits: "15th" may be the next day.
            let year =
                next < words.count && prompt.folded[words[next]].allSatisfy(Prompt.isDigit) && words[next].count == 4
                ? number(prompt, words[next], atMost: 9999) : nil
            open = next
            for range in days {
                let day = number(prompt, range, atMost: 31) ?? 0
                let written = (year.map { padded($0, 4) } ?? "????") + "-" + padded(month, 2) + "-" + padded(day, 2)
                found.append(date(prompt.text(range), range.lowerBound, written))
            }
        }
    }

    private static func date(_ text: String, _ place: Int, _ day: String) -> Mention {
        // A time of a known length: a star would admit whatever stands after the day.
        let times = [
            "", "T??:??", " ??:??", "T??:??:??", " ??:??:??", "T??:??:??Z", "T??:??:??+??:??", "T??:??:??-??:??",
        ]
        return Mention(
            text: text, place: place, values: [.string(day), .string(text)],
            clause: [
                "constraint_type": "any",
                "constraints": .array(times.map { ["constraint_type": "glob", "pattern": .string(day + $0)] }),
            ])
    }

    private static func padded(_ number: Int, _ digits: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(digits - text.utf8.count, 0)) + text
    }

    private static func isLink(_ word: ArraySlice<UInt8>) -> Bool {
        ["of", "the", "to", "and", "until", "till", "through"].contains { word.elementsEqual($0.utf8) }
    }

    /// `may`, `september`, `sep`: 1 to 12.
    private static func month(_ word: ArraySlice<UInt8>) -> Int? {
        let names: StaticString =
            "january february march april may june july august september october november december"
        guard word.count >= 3 else { return nil }
        let months = names.description.utf8.split(separator: 0x20)
        return months.firstIndex { $0.elementsEqual(word) || word.count == 3 && $0.starts(with: word) }.map { $0 + 1 }
    }

    /// `15`, `15th`, `2026`.
    private static func number(_ prompt: Prompt, _ range: Range<Int>, atMost most: Int) -> Int? {
        let word = prompt.folded[range]
        let digits = word.prefix(while: Prompt.isDigit)
        let ending = word[digits.endIndex...]
        guard (1...4).contains(digits.count),
            ending.isEmpty || ["st", "nd", "rd", "th"].contains(where: { ending.elementsEqual($0.utf8) })
        else { return nil }
        let value = digits.reduce(0) { $0 * 10 + Int($1 & 0x0F) }
        return value > 0 && value <= most ? value : nil
    }

    /// A day as ISO 8601 writes it; `nil` if this is none.
    private static func day(_ bytes: ArraySlice<UInt8>) -> String? {
        guard bytes.count == 10 else { return nil }
        var text: [UInt8] = []
        for (i, byte) in bytes.enumerated() {
            let isSign = i == 4 || i == 7
            guard isSign ? byte == UInt8(ascii: "-") || byte == UInt8(ascii: "/") : Prompt.isDigit(byte) else {
                return nil
            }
            text.append(isSign ? UInt8(ascii: "-") : byte)
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// `12`, `12.50`, `1,200.00`, `$5`: as a number and as a decimal text. A number within a word, a date or a time is none.
    static func amounts(in prompt: Prompt, _ found: inout [Mention]) {
        let bytes = prompt.bytes
        // The groups of an account's number are not amounts.
        var taken: [Mention] = []
        accounts(in: prompt, &taken)
        var (place, next) = (0, 0)
        // Where the groups of a telephone number or the number of a ticket end.
        var referenceEnd = -1
        while place < bytes.count {
            while next < taken.count, taken[next].place < place { next += 1 }
            if next < taken.count, taken[next].place == place {
                place += taken[next].text.utf8.count
                continue
            }
            guard Prompt.isDigit(bytes[place]) else {
                place += 1
                continue
            }
            let start = place
            var (digits, hasPoint) = ([UInt8](), false)
            while place < bytes.count {
                let isNext = place + 1 < bytes.count && Prompt.isDigit(bytes[place + 1])
                if Prompt.isDigit(bytes[place]) {
                    digits.append(bytes[place])
                } else if bytes[place] == UInt8(ascii: "."), isNext, !hasPoint {
                    digits.append(bytes[place])
                    hasPoint = true
                } else if bytes[place] == UInt8(ascii: ","), isThousands(bytes, place), !hasPoint {
                } else {
                    break
                }
                place += 1
            }
            if isReference(prompt, start) || referenceEnd >= 0 && start == referenceEnd + 1 && bytes[start - 1] == 0x20
            {
                referenceEnd = place
                continue
            }
            let isAlone = { (byte: UInt8) in !Prompt.isWord(byte) && !"-/:.@".utf8.contains(byte) }
            let endsSentence = place < bytes.count && bytes[place] == UInt8(ascii: ".")
            guard start == 0 || isAlone(bytes[start - 1]) || bytes[start - 1] >= 0x80,
                place == bytes.count || isAlone(bytes[place]) || bytes[place] >= 0x80 || endsSentence,
                digits.count <= 15
            else { continue }
            let text = String(decoding: digits, as: UTF8.self)
            guard let number = Double(text) else { continue }
            found.append(
                Mention(text: prompt.text(start..<place), place: start, values: [.number(number), .string(text)]))
        }
    }

    /// Whether a number is a telephone's, or that of a thing: after `+` or `#`, or after a word such as `ticket`.
    private static func isReference(_ prompt: Prompt, _ start: Int) -> Bool {
        guard start > 0 else { return false }
        if "+#".utf8.contains(prompt.bytes[start - 1]) { return true }
        var end = start
        while end > 0, " :.".utf8.contains(prompt.bytes[end - 1]) { end -= 1 }
        var begin = end
        while begin > 0, end - begin < 16, Prompt.isWord(prompt.bytes[begin - 1]) { begin -= 1 }
        guard begin < end, end < start else { return false }
        let word = prompt.folded[begin..<end]
        return ["ticket", "phone", "telephone", "tel", "number", "no", "id", "room", "version"].contains {
            word.elementsEqual($0.utf8)
        }
    }

    /// Whether exactly three digits follow.
    private static func isThousands(_ bytes: [UInt8], _ comma: Int) -> Bool {
        bytes.count > comma + 3 && bytes[comma + 1...comma + 3].allSatisfy(Prompt.isDigit)
            && (bytes.count == comma + 4 || !Prompt.isDigit(bytes[comma + 4]))
    }
}
