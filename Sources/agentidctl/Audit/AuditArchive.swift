import AgentID
import ArgumentParser
import StrictJSON

extension AuditCommand {
    struct Archive: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Move the oldest entries into a directory of their own, from which they are shown, proved and verified.",
            discussion: """
                Whole bundles of 256 entries; never the last one. They are removed from the log when the archive is on the \
                disk and was verified; the hashes of all entries stay, so the log verifies as before. Every command of \
                `audit` reads the archive, with --authority ARCHIVE. Keep its checkpoint, and the key, where nobody can \
                change them.
                """)
        @OptionGroup var options: AuditLogOptions
        @OptionGroup var output: Output
        @ArgumentParser.Option(
            name: .long, help: "The directory of the archive: a new one, or one that is gone on with.")
        var to: String
        @ArgumentParser.Option(
            name: .long,
            help: .init(
                "Entries from before: 2027-01-31T12:00:00Z, a day, seconds since 1970, or so long ago: 90d, 12h.",
                valueName: "time"))
        var before: LogTime?
        @ArgumentParser.Option(name: .long, help: "So many entries, from the log's beginning.") var first: UInt64?

        func validate() throws {
            guard (before == nil) != (first == nil) else {
                throw ValidationError("give --before or --first, and not both")
            }
        }

        func run() throws {
            let reader = try options.open()
            let size = try before.map { try entries(of: reader, before: $0.start) } ?? first ?? 0
            let archived = try Progress.showing("archiving entries") { progress in
                try reader.archive(first: size, to: to) { progress.set(Int(clamping: $0), of: Int(clamping: $1)) }
            }
            if output.json {
                return Console.data([
                    "from": .int(Int(clamping: archived.lowerBound)), "to": .int(Int(clamping: archived.upperBound)),
                    "archive": .string(to),
                ])
            }
            Console.message(
                "archived: entries \(archived.lowerBound) to \(archived.upperBound - 1), in \(to), which is verified")
        }

        /// The number of entries at the beginning that are older, in whole bundles.
        ///
        /// A time ahead of now is of a clock that was wrong: such an entry is as old as the next with a time that can be.
        private func entries(of reader: AuditReader, before time: Int64) throws -> UInt64 {
            let now = Int(Console.now + 60) * 1000
            var (size, end) = (reader.first, reader.first)
            while size < reader.count {
                var newest: Int?
                try reader.each(from: size, to: size + 256) { entry in
                    guard let written = entry.json?["time_ms"]?.int, written <= now else { return }
                    newest = max(written, newest ?? written)
                }
                size += 256
                guard let newest else { continue }
                guard Int64(newest) < time else { break }
                end = size
            }
            return min(end, reader.count)
        }
    }
}
