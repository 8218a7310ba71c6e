internal import AgentID
internal import Dispatch
internal import JOSE
internal import StrictJSON

/// Reads the entries of a log, each compared with the signed tree, some files at a time and these side by side.
struct ReplayReader {
    /// The entries of one file, and where the members of each stand.
    struct Bundle: Sendable {
        let first: UInt64
        var bytes: [UInt8] = []
        var entries: [(members: EntryMembers, context: UInt64)?] = []
        /// The number of entries that are not JSON objects in canonical form.
        var unread = 0
    }

    private let reader: AuditReader
    private let names = EntryNames()
    private var next: UInt64
    let end: UInt64
    private static let atOnce = 64

    init(_ reader: AuditReader) {
        self.reader = reader
        (next, end) = (reader.first, min(reader.count, reader.last))
    }

    /// The next entries; none at the end of the log.
    mutating func bundles() throws(AgentIDError) -> [Bundle] {
        var firsts: [UInt64] = []
        while next < end, firsts.count < Self.atOnce {
            firsts.append(next)
            next = (next | 0xFF) + 1
        }
        let found = Locked<[Result<Bundle, AgentIDError>?]>(Array(repeating: nil, count: firsts.count))
        let (reader, names, end, starts) = (reader, names, end, firsts)
        DispatchQueue.concurrentPerform(iterations: firsts.count) { i in
            let bundle = Result { () throws(AgentIDError) in try Self.bundle(starts[i], to: end, of: reader, names) }
            found.withLock { $0[i] = bundle }
        }
        var bundles: [Bundle] = []
        for result in found.withLock({ $0 }) { if let result { bundles.append(try result.get()) } }
        return bundles
    }

    private static func bundle(
        _ first: UInt64, to end: UInt64, of reader: AuditReader, _ names: EntryNames
    ) throws(AgentIDError) -> Bundle {
        let (bytes, ranges) = try reader.bundle(at: first)
        var bundle = Bundle(first: first, bytes: bytes)
        bundle.entries.reserveCapacity(ranges.count)
        // The first file of a log that was cut to be archived begins with its first entry.
        for range in ranges.dropFirst(Int(first & 0xFF)).prefix(Int(clamping: end - first)) {
            let members = EntryMembers(bundle.bytes.span, range, names)
            if members == nil { bundle.unread += 1 }
            bundle.entries.append(members.map { ($0, ReplayChain.hash($0, bundle.bytes.span)) })
        }
        return bundle
    }
}
