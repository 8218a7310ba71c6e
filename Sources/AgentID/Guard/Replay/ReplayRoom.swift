internal import CProcess
internal import Glibc
internal import JOSE
internal import StrictJSON
internal import Synchronization

/// The memory of a ``ReplayTable``: a page and up to 48 segments, in a file that guards share or in this process.
///
/// Segments are added and never removed, moved or made again: one that was seen once stays.
@safe final class ReplayRoom: Sendable {
    /// A segment as it is mapped here.
    @safe struct Segment {
        // SAFETY: its mapping lives as long as the room; atomic operations only.
        nonisolated(unsafe) let slots: UnsafeMutablePointer<Atomic<UInt64>>
        let buckets: Int
        /// The number of buckets before it.
        let before: Int
        private let mapping: MappedMemory

        init(_ mapping: MappedMemory, buckets: Int, before: Int) {
            unsafe slots = mapping.start.assumingMemoryBound(to: Atomic<UInt64>.self)
            (self.mapping, self.buckets, self.before) = (mapping, buckets, before)
        }
    }

    enum Found {
        case segment
        /// It does not exist yet.
        case none
        /// It exists, but cannot be mapped.
        case unusable
    }

    let header: ReplayHeader
    let page: ReplayPage
    /// The most buckets to which this room lets a table grow.
    let most: Int
    /// `nil` for this process's memory.
    let file: ReplayFile?
    private let pageMapping: MappedMemory
    // SAFETY: an entry is written once, by who holds `mapping`, before `mapped` says that it is there.
    nonisolated(unsafe) private let segments: UnsafeMutablePointer<Segment>
    private let mapped = Atomic<Int>(0)
    private let mapping = Locked(())
    private let isGrowing = Atomic<Bool>(false)
    /// The time until which growing is not tried again after a failure, in milliseconds of the steady clock.
    private let blockedUntil = Atomic<Int64>(.min)

    /// The number of buckets of a new table, if it may have as many: 1 MiB.
    private static let first = 2048

    init(path: String?, most: Int, epoch: SIMD2<UInt64>, isHurried: Bool) throws(AgentIDError) {
        self.most = min(max(most, 1), ReplayTable.mostBuckets)
        let initial = ReplayHeader(buckets: min(self.most, Self.first), epoch: epoch)
        file = if let path { try ReplayFile(path: path, initial: initial, isHurried: isHurried) } else { nil }
        header = file?.header ?? initial
        pageMapping = try Self.map(file, from: 0, count: ReplayHeader.size)
        page = unsafe ReplayPage(pageMapping.start)
        if file == nil {
            page.advance(to: 1 << 12)
            page.publish(0, buckets: initial.buckets)
        }
        unsafe segments = .allocate(capacity: ReplayPage.mostSegments)
    }

    deinit {
        unsafe segments.deinitialize(count: mapped.load(ordering: .acquiring))
        unsafe segments.deallocate()
    }

    private static func map(_ file: ReplayFile?, from start: Int, count: Int) throws(AgentIDError) -> MappedMemory {
        if let file { return try file.map(from: start, count: count) }
        guard let mapping = MappedMemory(-1, from: 0, count: count) else {
            throw AgentIDError(.io, name: "file", message: "no memory for used proofs", at: "replay_capacity")
        }
        return mapping
    }

    /// The number of segments mapped here.
    var mappedCount: Int { mapped.load(ordering: .acquiring) }

    /// One of the segments mapped here: `index` is below ``mappedCount``.
    subscript(index: Int) -> Segment { unsafe segments[index] }

    /// The number of buckets mapped here.
    var mappedBuckets: Int {
        let count = mappedCount
        guard count > 0 else { return 0 }
        let last = self[count - 1]
        return last.before + last.buckets
    }

    /// Maps a segment here, if any process has made it.
    func find(_ index: Int) -> Found {
        if index < mappedCount { return .segment }
        guard page.buckets(of: index) > 0 else { return .none }
        return mapping.withLock { _ in
            while mappedCount <= index {
                let (next, before) = (mappedCount, mappedBuckets)
                let buckets = page.buckets(of: next)
                guard buckets > 0, buckets <= ReplayTable.mostBuckets - before, file?.holds(before + buckets) ?? true,
                    let made = try? Self.map(
                        file, from: ReplayFile.size(buckets: before), count: buckets * ReplayTable.bucketSize)
                else { return .unusable }
                unsafe (segments + next).initialize(to: Segment(made, buckets: buckets, before: before))
                mapped.store(next + 1, ordering: .releasing)
            }
            return .segment
        }
    }

    /// The number of buckets that could still be made.
    var unmade: Int {
        let blocked = blockedUntil.load(ordering: .relaxed)
        guard blocked == .min || blocked <= MonotonicClock.milliseconds else { return 0 }
        let (there, count) = (mappedBuckets, mappedCount)
        return count < ReplayPage.mostSegments && most > there ? most - there : 0
    }

    /// The slots reserved for trees that hold hardly anything: a tenth of those that exist or could be made.
    var reserve: Int { (mappedBuckets + unmade) * 6 }

    /// Adds a segment after the `known` that are mapped here. Returns whether there is one now.
    ///
    /// - Parameter waits: Whether to wait, up to 100 ms, if another adds it; a caller with other room does not.
    func grow(after known: Int, waits: Bool) -> Bool {
        for turn in 0...(waits ? 100 : 0) {
            if turn > 0 { usleep(1000) }
            if page.buckets(of: known) > 0 { return true }
            guard unmade > 0 else { return false }
            guard isGrowing.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged
            else { continue }
            defer { isGrowing.store(false, ordering: .releasing) }
            do throws(AgentIDError) {
                if let file {
                    _ = try file.growing { () throws(AgentIDError) in try add(known) }
                } else {
                    try add(known)
                }
            } catch { blockedUntil.store(MonotonicClock.milliseconds + 1000, ordering: .relaxed) }
        }
        return page.buckets(of: known) > 0
    }

    private func add(_ index: Int) throws(AgentIDError) {
        guard index == mappedCount, page.buckets(of: index) == 0 else { return }
        // Four times as large, or as large as permitted, but never so small that there would be many of them.
        let there = mappedBuckets
        let more = min(max(min(3 * there, most - there), (there + 1) / 2), ReplayTable.mostBuckets - there)
        guard more > 0 else { return }
        try file?.allocate(more, after: there)
        page.publish(index, buckets: more)
    }
}
