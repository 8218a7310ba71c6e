/// How far a place is ahead of UTC, from its TZif file (RFC 9636): the transitions that it lists, and its rule after them.
///
/// The file is input like any other: nothing in it makes this trap, and what is not well-formed is refused.
struct TimeZone: Sendable {
    /// In seconds since 1970, ascending, each with the offset that holds from then on, in seconds.
    private let transitions: [(at: Int64, offset: Int32)]
    private let before: Int32
    private let rule: ZoneRule?

    static let utc = TimeZone()
    /// The largest of the database has 3.5 kB.
    static let longest = 1 << 16

    private init() { (transitions, before, rule) = ([], 0, nil) }

    /// `nil` where this is not a TZif file of version 2 or later.
    init?(_ file: [UInt8]) {
        guard file.count <= Self.longest, let first = Header(file, at: 0), first.version >= UInt8(ascii: "2") else {
            return nil
        }
        let start = Header.size + first.length(times: 4)
        guard let header = Header(file, at: start), header.types > 0 else { return nil }
        let times = start + Header.size
        let indices = times + header.times * 8
        let types = indices + header.times
        guard start + Header.size + header.length(times: 8) <= file.count else { return nil }
        func offset(of type: Int) -> Int32? {
            guard type < header.types else { return nil }
            let offset = Int32(truncatingIfNeeded: Self.number(file, types + type * 6, 4))
            return offset.magnitude <= 26 * 3600 ? offset : nil
        }
        var transitions: [(at: Int64, offset: Int32)] = []
        for i in 0..<header.times {
            let time = Int64(bitPattern: Self.number(file, times + i * 8, 8))
            guard let offset = offset(of: Int(file[indices + i])), transitions.last.map({ $0.at < time }) ?? true else {
                return nil
            }
            transitions.append((time, offset))
        }
        guard let before = offset(of: 0) else { return nil }
        let footer = file[(start + Header.size + header.length(times: 8))...]
        guard footer.first == 10, let end = footer.dropFirst().firstIndex(of: 10) else { return nil }
        let text = Array(footer[(footer.startIndex + 1)..<end])
        if text.isEmpty {
            rule = nil
        } else {
            guard let rule = ZoneRule(text) else { return nil }
            self.rule = rule
        }
        (self.transitions, self.before) = (transitions, before)
    }

    /// The seconds by which local time is ahead at a time, given in seconds since 1970.
    func offset(at time: Int64) -> Int32 {
        guard let last = transitions.last, time < last.at else {
            return rule?.offset(at: time) ?? transitions.last?.offset ?? before
        }
        var (low, high) = (0, transitions.count)
        while low < high {
            let middle = low + (high - low) / 2
            if transitions[middle].at <= time { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? before : transitions[low - 1].offset
    }

    fileprivate static func number(_ file: [UInt8], _ start: Int, _ count: Int) -> UInt64 {
        var number: UInt64 = 0
        for i in start..<start + count { number = number << 8 | UInt64(file[i]) }
        return number
    }

    /// The six counts at the start of each of a file's two parts.
    private struct Header {
        static let size = 44
        let version: UInt8
        let times: Int
        let types: Int
        private let others: Int
        private let leaps: Int

        init?(_ file: [UInt8], at start: Int) {
            guard start + Self.size <= file.count,
                file[start..<start + 4].elementsEqual([0x54, 0x5A, 0x69, 0x66])
            else { return nil }
            func count(_ i: Int) -> Int { Int(TimeZone.number(file, start + 20 + i * 4, 4)) }
            version = file[start + 4]
            guard (0..<6).allSatisfy({ count($0) <= TimeZone.longest }) else { return nil }
            // UT and standard indicators, and designations: not read.
            others = count(0) + count(1) + count(5)
            (leaps, times, types) = (count(2), count(3), count(4))
        }

        func length(times size: Int) -> Int { times * (size + 1) + types * 6 + leaps * (size + 4) + others }
    }
}
