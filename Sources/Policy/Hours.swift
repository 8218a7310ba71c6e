package import StrictJSON

/// Times of the week in a time zone, e.g. `Mon-Fri 08:00-18:00; Sat 10:00-14:00 Europe/Berlin`.
package struct Hours: Sendable {
    /// As it was written.
    package let text: ExactText
    private let zone: TimeZone
    /// Minutes of the week, from Monday 00:00; the end is not among them. None goes past the week's end.
    private let spans: [Range<Int>]

    static let remedy = "write days, times and a zone, such as \"Mon-Fri 08:00-18:00 Europe/Berlin\""
    private static let days: [StaticString] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    private static let week = 7 * 1440
    private static let farthest: Int64 = 1 << 52

    /// Reads hours.
    ///
    /// - Parameter zones: the TZif file of a zone's name.
    init(
        parsing value: JSON.Value, at path: String, zones: PolicyDocument.Zones
    ) throws(PolicyError) {
        let text = try MemberReader.text(value, at: path, remedy: Self.remedy, atMost: PolicyLimits.text)
        func wrong(_ message: String, remedy: String = Self.remedy) -> PolicyError {
            PolicyError("malformed", at: path, message, remedy: remedy, position: value.position)
        }
        let words = text.utf8.split(separator: UInt8(ascii: " ")).map { String(decoding: Array($0), as: UTF8.self) }
        guard let last = words.last, words.count >= 2 else { throw wrong("there are no days and times, or no zone") }
        guard let name = ZoneName(last) else {
            throw wrong("the last word is not a time zone", remedy: "end with a name such as Europe/Berlin, or UTC")
        }
        switch name {
        case .utc: zone = .utc
        case .named(let name):
            let file: [UInt8]?
            do throws(ZoneFailure) { file = try zones(name) } catch {
                throw PolicyError(
                    "zone_unreadable", at: path, "the file of the time zone \(name) cannot be read: \(error.reason)",
                    remedy: "mend that, and try again", position: value.position)
            }
            guard let bytes = file else {
                throw PolicyError(
                    "unknown_zone", at: path, "there is no time zone \(name) on this machine",
                    remedy: "install the tz database (tzdata), or write UTC", position: value.position)
            }
            guard let zone = TimeZone(bytes) else {
                throw PolicyError(
                    "unknown_zone", at: path, "the file of the time zone \(name) cannot be read",
                    remedy: "install the tz database (tzdata) anew, or write UTC", position: value.position)
            }
            self.zone = zone
        }
        var spans: [Range<Int>] = []
        let spec = words.dropLast().joined(separator: " ")
        for part in spec.utf8.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false) {
            let words = part.split(separator: UInt8(ascii: " ")).map { String(decoding: Array($0), as: UTF8.self) }
            guard (1...2).contains(words.count), let times = Self.times(words[words.count - 1]) else {
                throw wrong("this is not days and times")
            }
            guard let days = words.count == 1 ? Array(0..<7) : Self.days(words[0]) else {
                throw wrong("these are not days", remedy: "write Mon-Fri, or Mon,Wed,Sat, or leave the days out")
            }
            for day in days {
                let start = day * 1440 + times.start
                let end = start + times.length
                spans.append(start..<min(end, Self.week))
                // Past Sunday's midnight comes Monday.
                if end > Self.week { spans.append(0..<end - Self.week) }
            }
            guard spans.count <= 256 else { throw wrong("these are too many times") }
        }
        (self.spans, self.text) = (spans, text.exact)
    }

    /// Whether a time, in milliseconds since 1970, is among them.
    package func contain(_ now: Int64) -> Bool {
        // No clock that was checked tells times so far off, and no sum of them overflows.
        let now = min(max(now, -Self.farthest), Self.farthest)
        let utc = (now >= 0 ? now : now - 999) / 1000
        let local = utc + Int64(zone.offset(at: utc))
        // 1970 began on a Thursday.
        let minutes = (local >= 0 ? local : local - 59) / 60 + 3 * 1440
        let week = Int64(Self.week)
        let minute = Int((minutes % week + week) % week)
        return spans.contains { $0.contains(minute) }
    }

    /// `08:00-18:00`; an end that is not after its start is the next day's.
    private static func times(_ text: String) -> (start: Int, length: Int)? {
        let parts = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard parts.count == 2, let start = minute(parts[0]), let end = minute(parts[1]), start < 1440 else {
            return nil
        }
        guard start != end else { return nil }
        return (start, end > start ? end - start : end + 1440 - start)
    }

    private static func minute(_ text: Substring.UTF8View) -> Int? {
        let bytes = Array(text)
        guard bytes.count == 5, bytes[2] == UInt8(ascii: ":"),
            [0, 1, 3, 4].allSatisfy({ bytes[$0] &- 48 <= 9 })
        else { return nil }
        let hour = Int(bytes[0] - 48) * 10 + Int(bytes[1] - 48)
        let minute = Int(bytes[3] - 48) * 10 + Int(bytes[4] - 48)
        guard minute < 60, hour < 24 || hour == 24 && minute == 0 else { return nil }
        return hour * 60 + minute
    }

    /// `Mon-Fri`, `Sat`, `Mon,Wed-Thu`; a range may go past Sunday.
    private static func days(_ text: String) -> [Int]? {
        var all: [Int] = []
        for part in text.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            let ends = part.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false).map { day($0) }
            switch (ends.count, ends.first ?? nil, ends.last ?? nil) {
            case (1, .some(let day), _): all.append(day)
            case (2, .some(let first), .some(let last)):
                for i in 0...((last - first + 7) % 7) { all.append((first + i) % 7) }
            default: return nil
            }
            guard all.count <= 14 else { return nil }
        }
        return all
    }

    private static func day(_ text: Substring.UTF8View) -> Int? {
        days.firstIndex { day in text.elementsEqual(day.description.utf8) }
    }

    /// The last word of hours. A name becomes a part of a path: letters, digits, `_`, `+`, `-`, and `/` between them.
    private enum ZoneName {
        case utc
        case named(String)

        init?(_ word: String) {
            if word.isSame(as: "UTC") {
                self = .utc
                return
            }
            let parts = word.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            guard word.utf8.count <= 64, (1...4).contains(parts.count),
                parts.allSatisfy({ part in
                    part.first.map { $0 | 0x20 >= 97 && $0 | 0x20 <= 122 } ?? false
                        && part.allSatisfy { MemberReader.isNameByte($0) && $0 != 46 || $0 == UInt8(ascii: "+") }
                })
            else { return nil }
            self = .named(word)
        }
    }
}
