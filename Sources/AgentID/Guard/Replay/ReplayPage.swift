internal import Synchronization

/// The words of a ``ReplayTable``'s first page that change while it is used, shared by all that map it.
///
/// Any process may have written what is read here: values are bounded where they are used.
@safe struct ReplayPage {
    // SAFETY: made by the room that maps the page, and used only as long as that lives; atomic operations only.
    nonisolated(unsafe) private let words: UnsafeMutablePointer<Atomic<UInt64>>

    init(_ page: UnsafeMutableRawPointer) { unsafe words = page.assumingMemoryBound(to: Atomic<UInt64>.self) }

    static let mostSegments = 48
    static let wordCount = ReplayHeader.size / 8

    private static let (time, window, segments, stamps) = (64, 65, 128, 192)
    // In a cache line of their own: each proof that is taken moves the first.
    private static let (taken, generation) = (72, 73)

    /// The table's time in milliseconds: it only grows, and never faster than the machine's steady clock.
    var time: UInt64 { unsafe words[Self.time].load(ordering: .sequentiallyConsistent) }

    /// Moves the table's time on.
    func advance(to time: UInt64) {
        // Compared first: most callers find that another was faster, and leave the line to its readers.
        guard self.time < time else { return }
        unsafe words[Self.time].max(time, ordering: .sequentiallyConsistent)
    }

    /// The longest proof window of all guards that ever used the table, in seconds.
    var window: Int64 {
        min(max(Int64(clamping: unsafe words[Self.window].load(ordering: .acquiring)), 30), Limits.longestProofWindow)
    }

    func raiseWindow(to window: Int64) {
        unsafe words[Self.window].max(UInt64(clamping: window), ordering: .sequentiallyConsistent)
    }

    /// The number of proofs the table ever took: it only grows.
    var taken: UInt64 { unsafe words[Self.taken].load(ordering: .sequentiallyConsistent) }

    /// The same, of a page as it is in the file.
    static func taken(in page: [UInt64]) -> UInt64 { page.indices.contains(taken) ? page[taken] : 0 }

    /// Counts a proof that was taken. Returns the new count.
    func countTaken() -> UInt64 {
        unsafe words[Self.taken].wrappingAdd(1, ordering: .sequentiallyConsistent).newValue
    }

    func raiseTaken(to count: UInt64) { unsafe words[Self.taken].max(count, ordering: .sequentiallyConsistent) }

    /// Drawn anew when an older copy of the file is accepted: processes that had the file before notice.
    var generation: UInt64 { unsafe words[Self.generation].load(ordering: .sequentiallyConsistent) }

    func begin(generation: UInt64) {
        unsafe words[Self.generation].store(generation, ordering: .sequentiallyConsistent)
    }

    /// The number of buckets of a segment; 0: it does not exist yet.
    func buckets(of segment: Int) -> Int {
        guard segment < Self.mostSegments else { return 0 }
        return Int(clamping: unsafe words[Self.segments + segment].load(ordering: .sequentiallyConsistent))
    }

    /// Makes a segment known: from now on any process may use it.
    func publish(_ segment: Int, buckets: Int) {
        unsafe words[Self.segments + segment].store(UInt64(clamping: buckets), ordering: .sequentiallyConsistent)
    }

    /// The latest unit in which a slot of a segment was taken, or was about to be.
    func stamp(of segment: Int) -> UInt64 {
        unsafe words[Self.stamps + segment].load(ordering: .sequentiallyConsistent)
    }

    func raiseStamp(of segment: Int, to unit: UInt64) {
        guard stamp(of: segment) < unit else { return }
        unsafe words[Self.stamps + segment].max(unit, ordering: .sequentiallyConsistent)
    }

    /// Whether the constant part of the page matches `header`.
    func holds(_ header: [UInt64]) -> Bool {
        header.indices.allSatisfy { unsafe words[$0].load(ordering: .relaxed) == header[$0] }
    }

    /// The segments that the first page of a file names; throws if no table can have them.
    static func segments(in page: [UInt64], _ header: ReplayHeader, path: String) throws(AgentIDError) -> [Int] {
        guard page.count == wordCount else { throw ReplayHeader.refusal(path, "is too short") }
        let told = page[segments..<segments + mostSegments]
        let there = told.prefix { $0 != 0 }.map { Int(clamping: $0) }
        var sum = 0
        for buckets in there {
            guard buckets >= 1, buckets <= ReplayTable.mostBuckets - sum else {
                throw ReplayHeader.refusal(path, "has not the size that it says")
            }
            sum += buckets
        }
        guard there.first == header.buckets, told.dropFirst(there.count).allSatisfy({ $0 == 0 }),
            page[time] >> 56 == 0
        else {
            throw ReplayHeader.refusal(path, "is damaged")
        }
        return there
    }

    /// The first page of a new table.
    static func first(_ header: ReplayHeader) -> [UInt64] {
        var page = header.words
        page += [UInt64](repeating: 0, count: wordCount - page.count)
        page[time] = 1 << 12
        page[segments] = UInt64(header.buckets)
        return page
    }
}
