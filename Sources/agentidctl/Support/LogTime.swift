import ArgumentParser
import StrictJSON

/// A time in a log: a day, a time, seconds since 1970, or how long ago.
struct LogTime: ExpressibleByArgument {
    /// In milliseconds since 1970: of a day its first, and the first after it.
    let start: Int64
    let end: Int64

    init?(argument: String) {
        if let ago = Self.ago(argument) {
            start = (Console.now - ago) * 1000
            end = start
            return
        }
        guard let date = ReviewDate(argument: argument) else { return nil }
        end = date.seconds * 1000
        start = argument.utf8.count == 10 && argument.utf8.contains(UInt8(ascii: "-")) ? end - 86_400_000 : end
    }

    /// Seconds of a text such as `24h`.
    private static func ago(_ text: String) -> Int64? {
        let units: [UInt8: Int64] = [
            UInt8(ascii: "s"): 1, UInt8(ascii: "m"): 60, UInt8(ascii: "h"): 3600, UInt8(ascii: "d"): 86_400,
        ]
        guard let last = text.utf8.last, let unit = units[last], let count = Int64(text.dropLast()),
            (0...1_000_000).contains(count)
        else { return nil }
        return count * unit
    }
}
