import ArgumentParser

/// A length of time: seconds, or with a unit as in a policy, `90s`, `15m`, `1h`, `7d`.
struct TimeSpan: ExpressibleByArgument {
    let seconds: Int64

    init(seconds: Int64) { self.seconds = seconds }

    init?(argument: String) {
        if let seconds = Int64(argument) {
            self.seconds = seconds
        } else if let span = TimeSpan(withUnit: argument) {
            self = span
        } else {
            return nil
        }
    }

    /// A text that names its unit; `nil` for a bare number.
    init?(withUnit text: String) {
        let units: [UInt8: Int64] = [
            UInt8(ascii: "s"): 1, UInt8(ascii: "m"): 60, UInt8(ascii: "h"): 3600, UInt8(ascii: "d"): 86_400,
            UInt8(ascii: "w"): 604_800,
        ]
        guard let last = text.utf8.last, let unit = units[last], let count = Int64(text.dropLast()),
            (0...1_000_000).contains(count)
        else { return nil }
        seconds = count * unit
    }

    var defaultValueDescription: String { "\(seconds)" }
}

/// A number of days: `90`, or `90d`.
struct Days: ExpressibleByArgument {
    let count: Int

    init?(argument: String) {
        guard let count = Int(argument.utf8.last == UInt8(ascii: "d") ? String(argument.dropLast()) : argument) else {
            return nil
        }
        self.count = count
    }
}
