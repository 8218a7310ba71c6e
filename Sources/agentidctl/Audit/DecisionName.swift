import AgentID
import Glibc
import StrictJSON

/// A decision's ID, and its short form for people: `3f0a92c41d20-1b`, the start of its process's name and its number
/// there.
enum DecisionName {
    private static let shown = 12
    /// The fewest characters of a process's name: fewer could belong to any process.
    private static let fewest = 4

    static func short(_ id: String) -> String {
        guard let (process, number) = parts(id), id.utf8.count == 49 else { return id.printable }
        return "\(process.prefix(shown))-\(String(number, radix: 16))"
    }

    private static func parts(_ text: String) -> (process: String, number: UInt64)? {
        let parts = text.parts(at: UInt8(ascii: "-"), omittingEmpty: false)
        guard parts.count == 2, let number = UInt64(parts[1], radix: 16),
            parts[0].unicodeScalars.allSatisfy(\.properties.isASCIIHexDigit)
        else {
            return nil
        }
        return (parts[0], number)
    }

    /// The whole ID of a decision in the log: its ID, or the short form.
    static func resolve(_ name: String, in reader: AuditReader) throws -> String {
        guard name.utf8.count < 49 else { return name }
        guard let (process, number) = parts(name), process.utf8.count >= fewest else {
            throw Fault("'\(name)' is not a decision: give its index, its ID, or its name as `audit tail` shows it")
        }
        let needle = "\"id\":\"\(process)"
        var found: Set<ExactText> = []
        try Progress.showing("looking for \(name)") { progress in
            try reader.each { entry in
                if entry.index & 255 == 0 { progress.set(Int(clamping: entry.index), of: Int(clamping: reader.count)) }
                // A line holds no NUL. `firstRange(of:)` takes fifteen times as long.
                guard unsafe strstr(String(decoding: entry.line, as: UTF8.self), needle) != nil,
                    entry.kind == .permit || entry.kind == .deny || entry.kind == .denials,
                    let id = entry.json?["id"]?.string,
                    id.starts(exactly: process), parts(id)?.number == number
                else { return }
                found.insert(id.exact)
            }
        }
        guard let id = found.first, found.count == 1 else {
            throw Fault(
                found.isEmpty
                    ? "the audit log has no decision '\(name)'\(reader.among): see agentidctl audit tail"
                    : "\(found.count) decisions are called '\(name)': give more of its ID")
        }
        return id.string
    }
}
