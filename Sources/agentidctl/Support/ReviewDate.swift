import ArgumentParser
import FoundationEssentials
import StrictJSON

/// The time of a profile's next review.
struct ReviewOptions: ParsableArguments {
    @ArgumentParser.Option(
        name: .long,
        help: .init("No new agents after a day, e.g. 2027-01-31, or a time, 2027-01-31T12:00:00Z.", valueName: "date"))
    var reviewBy: ReviewDate?
    @ArgumentParser.Option(
        name: .customLong("for"), help: .init("No new agents after so many days: 90, or 90d.", valueName: "days"))
    var days: Days?

    func validate() throws {
        guard reviewBy == nil || days == nil else { throw ValidationError("give --review-by or --for, and not both") }
        guard (1...3650).contains(days?.count ?? 1) else { throw ValidationError("--for is 1 to 3650 days") }
    }

    /// The time, in seconds since 1970.
    var date: Int64? { reviewBy?.seconds ?? days.map { Console.now + Int64($0.count) * 86_400 } }
}

/// A day (to its end), a time, or seconds since 1970.
struct ReviewDate: ExpressibleByArgument {
    let seconds: Int64

    init?(argument: String) {
        if argument.allSatisfy(\.isASCII), let seconds = Int64(argument) {
            guard (0...253_402_300_799).contains(seconds) else { return nil }
            self.seconds = seconds
            return
        }
        let isDay = argument.utf8.count == 10
        let text = isDay ? "\(argument)T00:00:00Z" : argument
        // Written again and compared, because a day such as the 31st of June would be taken for the next.
        guard let date = try? Date(text, strategy: .iso8601), date.formatted(.iso8601).isSame(as: text) else {
            return nil
        }
        seconds = Int64(date.timeIntervalSince1970) + (isDay ? 86_400 : 0)
    }
}
