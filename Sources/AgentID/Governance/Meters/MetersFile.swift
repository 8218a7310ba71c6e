internal import CProcess
internal import Glibc

/// The file behind a ``MetersPage`` that guards share: a page, then the slots.
final class MetersFile: Sendable {
    let header: MetersHeader
    private let shared: SharedFile

    /// Opens the file at `path`; makes it with the header `initial` where there is none or making it was cut short.
    init(path: String, initial: MetersHeader, isCopy: Bool = false) throws(AgentIDError) {
        shared = try SharedFile(
            path: path, name: "meters", reason: "keep rates and budgets: run as its owner", isCopy: isCopy)
        let page = initial.bytes + [UInt8](repeating: 0, count: MetersHeader.size - MetersHeader.byteCount)
        header = try shared.begin(room: initial.length, firstPage: page, Self.read) ?? initial
    }

    var path: String { shared.path }

    /// The header; `nil` where nobody has mapped the file yet.
    static func read(_ file: Int32, _ path: String) throws(AgentIDError) -> MetersHeader? {
        var bytes = [UInt8](repeating: 0, count: MetersHeader.size)
        let count = unsafe pread(file, &bytes, bytes.count, 0)
        guard count >= 0 else { throw Files.failure("cannot read", path) }
        bytes.removeLast(bytes.count - count)
        let length = lseek(file, 0, SEEK_END)
        if bytes.allSatisfy({ $0 == 0 }), length <= MetersHeader(buckets: MetersFormat.mostBuckets).length {
            return nil
        }
        let header = try MetersHeader(reading: bytes, path: path)
        guard length == header.length else { throw MetersHeader.refusal(path, "has not the size that it says") }
        return header
    }

    /// The number of slots of a file that were ever claimed, and of all; `nil` where there is no such file yet.
    static func fill(_ path: String) throws(AgentIDError) -> (claimed: Int, slots: Int)? {
        guard let (header, claimed) = try word(.claimed, of: path) else { return nil }
        let slots = header.buckets * MetersPage.slotsPerBucket
        return (min(Int(clamping: claimed), slots), slots)
    }

    /// When a file was made in the place of one that was removed, in milliseconds since 1970; `nil` where it was not.
    static func madeAnew(_ path: String) throws(AgentIDError) -> Int64? {
        guard let (_, time) = try word(.madeAnew, of: path), time > 0 else { return nil }
        return Int64(clamping: time)
    }

    private static func word(
        _ place: MetersWords.Place, of path: String
    ) throws(AgentIDError) -> (header: MetersHeader, word: UInt64)? {
        guard let file = try Files.openIfPresent(path, .read, forbidden: 0o077) else { return nil }
        defer { _ = close(file) }
        guard let header = try read(file, path) else { return nil }
        var bytes = [UInt8](repeating: 0, count: 8)
        guard unsafe pread(file, &bytes, bytes.count, off_t(place.rawValue * 8)) == bytes.count,
            let word = bytes.littleEndianWords.first
        else { throw Files.failure("cannot read", path) }
        return (header, word)
    }

    /// Does something that no other process does meanwhile; `false` where one has been at it for 5 s.
    func exclusively(_ body: () -> Void) -> Bool {
        (try? shared.exclusively { () throws(AgentIDError) in body() }) ?? false
    }

    /// Whether all of it can be touched, and whether it still has its name.
    var isWhole: Bool { shared.length == header.length }

    /// Whether it is this file that stands under its path.
    var isInPlace: Bool { shared.isInPlace }

    /// Writes all to the disk; `false` where it cannot.
    func sync() -> Bool { shared.sync() }

    func map() throws(AgentIDError) -> MappedMemory { try shared.map(from: 0, count: header.length) }
}
