internal import StrictJSON

/// A length of time in a policy: `90s`, `15m`, `1h`, `7d`, or `second`, `minute`, `hour`, `day`, `week`. In milliseconds.
enum PolicyDuration {
    static let remedy = "write a duration such as 90s, 15m, 1h, 7d, or minute, hour, day, week"

    /// From a second to a year and a day; `nil` for anything else.
    static func milliseconds(_ text: String) -> Int64? {
        let names: [(StaticString, Int64)] = [
            ("second", 1), ("minute", 60), ("hour", 3600), ("day", 86_400), ("week", 604_800),
        ]
        for (name, seconds) in names where text.isSame(as: name.description) { return seconds * 1000 }
        let bytes = text.utf8
        guard let unit = bytes.last, (2...12).contains(bytes.count) else { return nil }
        var count: Int64 = 0
        for byte in bytes.dropLast() {
            guard byte &- 48 <= 9, count > 0 || byte != 48 else { return nil }
            count = count * 10 + Int64(byte - 48)
        }
        let factor: Int64
        switch unit {
        case UInt8(ascii: "s"): factor = 1000
        case UInt8(ascii: "m"): factor = 60_000
        case UInt8(ascii: "h"): factor = 3_600_000
        case UInt8(ascii: "d"): factor = 86_400_000
        default: return nil
        }
        let (milliseconds, isTooLong) = count.multipliedReportingOverflow(by: factor)
        return isTooLong || !(1000...PolicyLimits.longest).contains(milliseconds) ? nil : milliseconds
    }
}

extension MemberReader {
    /// A duration, in milliseconds.
    func duration(_ name: String) throws(PolicyError) -> Int64 {
        let value = try need(name, remedy: PolicyDuration.remedy)
        guard let milliseconds = value.string.flatMap({ PolicyDuration.milliseconds($0) }) else {
            throw PolicyError(
                "malformed", at: path(of: name), "this is not a duration from 1s to 366d",
                remedy: PolicyDuration.remedy, position: value.position)
        }
        return milliseconds
    }
}
