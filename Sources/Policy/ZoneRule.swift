/// The rule after a TZif file's last transition, as POSIX writes it: `CET-1CEST,M3.5.0,M10.5.0/3` (RFC 9636, 3.3.1).
struct ZoneRule: Sendable {
    private let standard: Int32
    private let summer: (offset: Int32, start: Day, end: Day)?

    /// A day of the year and a time on it, in seconds of local time.
    private struct Day {
        enum Kind {
            /// 1 to 365; February has 28 days.
            case julian(Int)
            /// 0 to 365.
            case ordinal(Int)
            case month(Int, week: Int, weekday: Int)
        }
        let kind: Kind
        let seconds: Int64

        /// In seconds since 1970 of local time.
        func start(in year: Int64) -> Int64 {
            let first = CivilDay.number(year, 1, 1)
            let day: Int64
            switch kind {
            case .julian(let n): day = first + Int64(n - 1) + (n >= 60 && CivilDay.isLeap(year) ? 1 : 0)
            case .ordinal(let n): day = first + Int64(n)
            case .month(let month, let week, let weekday):
                let start = CivilDay.number(year, Int64(month), 1)
                let next = month == 12 ? CivilDay.number(year + 1, 1, 1) : CivilDay.number(year, Int64(month) + 1, 1)
                // Day 0 was a Thursday, 4.
                let lead = (Int64(weekday) - CivilDay.weekday(start) + 7) % 7
                let found = start + lead + Int64(week - 1) * 7
                day = found < next ? found : found - 7
            }
            return day * 86_400 + seconds
        }
    }

    init?(_ text: [UInt8]) {
        var reader = Reader(text: text)
        guard reader.name(), let standard = reader.offset() else { return nil }
        self.standard = -standard
        guard !reader.isAtEnd else {
            summer = nil
            return
        }
        guard reader.name() else { return nil }
        var offset = self.standard + 3600
        if reader.peek != UInt8(ascii: ",") {
            guard let given = reader.offset() else { return nil }
            offset = -given
        }
        guard let start = reader.day(), let end = reader.day(), reader.isAtEnd else { return nil }
        summer = (offset, start, end)
    }

    func offset(at time: Int64) -> Int32 {
        guard let summer else { return standard }
        let year = CivilDay.year(of: floorDivide(time &+ Int64(standard), 86_400))
        let start = summer.start.start(in: year) - Int64(standard)
        let end = summer.end.start(in: year) - Int64(summer.offset)
        let isSummer = start < end ? time >= start && time < end : !(time >= end && time < start)
        return isSummer ? summer.offset : standard
    }

    private struct Reader {
        let text: [UInt8]
        var position = 0

        var isAtEnd: Bool { position == text.count }
        var peek: UInt8? { position < text.count ? text[position] : nil }

        mutating func accept(_ byte: Unicode.Scalar) -> Bool {
            guard peek == UInt8(ascii: byte) else { return false }
            position += 1
            return true
        }

        /// `CET`, or `<+0330>`.
        mutating func name() -> Bool {
            let start = position
            if accept("<") {
                while let byte = peek, byte != UInt8(ascii: ">") { position += 1 }
                return accept(">")
            }
            while let byte = peek, (97...122).contains(byte | 0x20) { position += 1 }
            return position - start >= 3
        }

        mutating func number(atMost limit: Int) -> Int? {
            var (number, digits) = (0, 0)
            while let byte = peek, byte &- 48 <= 9, digits < 3 {
                number = number * 10 + Int(byte - 48)
                digits += 1
                position += 1
            }
            return digits > 0 && number <= limit ? number : nil
        }

        /// `-1`, `3:30`, `+5:45:00`: in seconds, as it is written (west is positive).
        mutating func offset() -> Int32? {
            let isNegative = accept("-")
            if !isNegative { _ = accept("+") }
            guard var seconds = number(atMost: 167).map({ $0 * 3600 }) else { return nil }
            for factor in [60, 1] {
                guard accept(":") else { break }
                guard let part = number(atMost: 59) else { return nil }
                seconds += part * factor
            }
            return Int32(isNegative ? -seconds : seconds)
        }

        mutating func day() -> Day? {
            guard accept(",") else { return nil }
            let kind: Day.Kind
            if accept("M") {
                guard let month = number(atMost: 12), month > 0, accept("."), let week = number(atMost: 5), week > 0,
                    accept("."), let weekday = number(atMost: 6)
                else { return nil }
                kind = .month(month, week: week, weekday: weekday)
            } else if accept("J") {
                guard let day = number(atMost: 365), day > 0 else { return nil }
                kind = .julian(day)
            } else {
                guard let day = number(atMost: 365) else { return nil }
                kind = .ordinal(day)
            }
            var seconds: Int64 = 7200
            if accept("/") {
                guard let time = offset() else { return nil }
                seconds = Int64(time)
            }
            return Day(kind: kind, seconds: seconds)
        }
    }
}

private func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
    let (quotient, rest) = value.quotientAndRemainder(dividingBy: divisor)
    return rest < 0 ? quotient - 1 : quotient
}

/// Days of the proleptic Gregorian calendar, counted from 1970-01-01.
private enum CivilDay {
    static func isLeap(_ year: Int64) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

    /// Years begin in March here, so that the leap day is a year's last.
    static func number(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let era = floorDivide(year, 400)
        let ofEra = year - era * 400
        let ofYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468
    }

    static func year(of day: Int64) -> Int64 {
        // Times of a clock that was checked are near; no other makes the sums overflow.
        let day = min(max(day, -100_000_000), 100_000_000) + 719_468
        let era = floorDivide(day, 146_097)
        let ofEra = day - era * 146_097
        let year = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * year + year / 4 - year / 100)
        // From the 306th day of a year that begins in March on it is January.
        return year + era * 400 + (ofYear >= 306 ? 1 : 0)
    }

    /// 0 is Sunday.
    static func weekday(_ day: Int64) -> Int64 { ((day % 7) + 11) % 7 }
}
