import ArgumentParser
import FoundationEssentials
import StrictJSON

/// A time in a log: a day, a time, seconds since 1970, or how long ago.
struct LogTime: ExpressibleByArgument {
    /// In milliseconds since 1970: of a day its first, and the first after it.
    let start: Int64
    let end: Int64

    init?(argument: String) {
        if let ago = TimeSpan(withUnit: argument) {
            start = Console.milliseconds - ago.seconds * 1000
            end = start
            return
        }
        // A small number is days or hours whose unit was left out: as seconds since 1970 it would take in everything.
        guard let date = ReviewDate(argument: argument), date.seconds >= 1_000_000_000 else { return nil }
        end = date.seconds * 1000
        start = argument.utf8.count == 10 && argument.utf8.contains(UInt8(ascii: "-")) ? end - 86_400_000 : end
    }
}
