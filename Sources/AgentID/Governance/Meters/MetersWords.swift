internal import Glibc
internal import Synchronization

/// A ``MetersPage`` as it is mapped: a page of words, a byte for each bucket, then slots of four words.
///
/// Whatever is read here is what some process wrote: it is checked where it is used.
@safe struct MetersWords {
    // SAFETY: made by the page that maps them, and used only as long as that lives; atomic operations only. Indices of slots
    // are below the number of slots: ``MeterPlaces`` makes them.
    nonisolated(unsafe) private let words: UnsafeMutablePointer<Atomic<UInt64>>
    nonisolated(unsafe) private let pairs: UnsafeMutablePointer<Atomic<WordPair>>

    /// The number of the word that the slots begin with.
    private let firstSlot: Int

    init(_ page: UnsafeMutableRawPointer, _ header: MetersHeader) {
        firstSlot = header.slotsOffset / 8
        unsafe words = page.assumingMemoryBound(to: Atomic<UInt64>.self)
        unsafe pairs = page.assumingMemoryBound(to: Atomic<WordPair>.self)
    }

    /// Words of the first page that change, apart from those that are loaded at each call. A line has eight.
    enum Place: Int {
        /// Counts up with each amount that is spent and each label, and at least every 50 ms in which somebody takes: an
        /// older copy of the file has a lower one.
        case turns = 64
        /// The number of slots ever claimed, in all buckets.
        case claimed = 80
        /// When the page was made in the place of one that was removed or lost, in milliseconds since 1970; 0: it was not.
        case madeAnew = 81
        /// Counts up before each label that is raised; and as far as it had counted when the page was last known to be on the
        /// disk.
        case raised = 88
        case synced = 89
    }

    subscript(place: Place) -> UInt64 {
        get { unsafe words[place.rawValue].load(ordering: .sequentiallyConsistent) }
        nonmutating set { unsafe words[place.rawValue].store(newValue, ordering: .sequentiallyConsistent) }
    }

    func countUp(_ place: Place) -> UInt64 {
        unsafe words[place.rawValue].wrappingAdd(1, ordering: .sequentiallyConsistent).newValue
    }

    func raise(_ place: Place, to value: UInt64) {
        _ = unsafe words[place.rawValue].max(value, ordering: .sequentiallyConsistent)
    }

    /// The meters' line in time: which run of the machine it belongs to, sealed, and by how many milliseconds it is ahead
    /// of the steady clock.
    var line: (name: UInt64, word: UInt64) {
        let pair = unsafe pairs[Self.linePair].load(ordering: .sequentiallyConsistent)
        return (UInt64(pair.first), UInt64(pair.second))
    }

    /// Moves the line, unless another did.
    func move(_ old: (name: UInt64, word: UInt64), to new: (name: UInt64, word: UInt64)) {
        _ = unsafe pairs[Self.linePair].compareExchange(
            expected: WordPair(first: UInt(old.name), second: UInt(old.word)),
            desired: WordPair(first: UInt(new.name), second: UInt(new.word)), ordering: .sequentiallyConsistent)
    }

    private static let linePair = 36

    /// The first word of the page, which never changes.
    @inline(__always) var mark: UInt64 { unsafe words[0].load(ordering: .relaxed) }
    @inline(__always) var turns: UInt64 { unsafe words[Place.turns.rawValue].load(ordering: .acquiring) }

    /// Whether what should never change is what `header` says.
    func holds(_ header: [UInt64]) -> Bool {
        header.indices.allSatisfy { unsafe words[$0].load(ordering: .relaxed) == header[$0] }
    }

    // MARK: Buckets

    private static let firstBucket = MetersHeader.size / 8

    /// The number of a bucket's slots ever claimed: the first ones, and none of them is ever blank again.
    func claimed(of bucket: Int) -> Int {
        let word = unsafe words[Self.firstBucket + bucket / 8].load(ordering: .sequentiallyConsistent)
        return Int(truncatingIfNeeded: word >> UInt64(bucket % 8 * 8) & 0xFF)
    }

    /// Sets that number. Only while nobody else uses the page.
    func setClaimed(of bucket: Int, _ count: UInt64) {
        let (place, shift) = (Self.firstBucket + bucket / 8, UInt64(bucket % 8 * 8))
        let others = unsafe words[place].load(ordering: .sequentiallyConsistent) & ~(0xFF << shift)
        unsafe words[place].store(others | count << shift, ordering: .sequentiallyConsistent)
    }

    /// Counts a slot that was claimed: after it was.
    func countClaim(of bucket: Int) {
        defer { _ = countUp(.claimed) }
        _ = unsafe words[Self.firstBucket + bucket / 8].wrappingAdd(
            1 << UInt64(bucket % 8 * 8), ordering: .sequentiallyConsistent)
    }

    /// Whether the buckets' counts add up to no less than was counted in all.
    func addsUp(_ buckets: Int) -> Bool {
        let all = self[.claimed]
        var sum: UInt64 = 0
        for word in 0..<(buckets + 7) / 8 {
            let counts = unsafe words[Self.firstBucket + word].load(ordering: .sequentiallyConsistent)
            // Pairs of bytes, then all pairs at once.
            let pairs = counts & 0x00FF_00FF_00FF_00FF &+ counts >> 8 & 0x00FF_00FF_00FF_00FF
            sum &+= (pairs &* 0x0001_0001_0001_0001) >> 48
        }
        return sum >= all
    }

    // MARK: Slots

    /// Name and word of a slot. Two loads: another thread may have moved one between them.
    @inline(__always) func name(_ slot: Int) -> UInt64 {
        unsafe words[firstSlot &+ 4 &* slot].load(ordering: .acquiring)
    }

    @inline(__always) func word(_ slot: Int) -> UInt64 {
        unsafe words[firstSlot &+ 4 &* slot &+ 1].load(ordering: .acquiring)
    }

    /// Until when a meter that is not a rate is needed, in milliseconds since 1970.
    func until(_ slot: Int) -> Int64 {
        Int64(clamping: unsafe words[firstSlot + 4 * slot + 2].load(ordering: .sequentiallyConsistent))
    }

    /// The loan of a slice, and its holder; of labels the same as ``until(_:)``, and their mark: see ``MeterLoan``. Never stored,
    /// only swapped, for what was read while the slot was one's own: it may be another's by then.
    func loan(_ slot: Int) -> (lent: UInt64, holder: UInt64) {
        let pair = unsafe pairs[firstSlot / 2 + 2 * slot + 1].load(ordering: .sequentiallyConsistent)
        return (UInt64(pair.first), UInt64(pair.second))
    }

    /// Swaps both at once; `false` where they are not as they were.
    @discardableResult func swapLoan(
        _ slot: Int, _ old: (lent: UInt64, holder: UInt64), for new: (lent: UInt64, holder: UInt64)
    ) -> Bool {
        unsafe pairs[firstSlot / 2 + 2 * slot + 1].compareExchange(
            expected: WordPair(first: UInt(old.lent), second: UInt(old.holder)),
            desired: WordPair(first: UInt(new.lent), second: UInt(new.holder)), ordering: .sequentiallyConsistent
        ).exchanged
    }

    /// Name and word as they stand together.
    func pair(_ slot: Int) -> (name: UInt64, word: UInt64) {
        let pair = unsafe pairs[firstSlot / 2 + 2 * slot].load(ordering: .sequentiallyConsistent)
        return (UInt64(pair.first), UInt64(pair.second))
    }

    /// Swaps both at once; `false` where they are not as they were.
    @inline(__always) func swap(
        _ slot: Int, _ old: (name: UInt64, word: UInt64), for new: (name: UInt64, word: UInt64)
    ) -> Bool {
        unsafe pairs[firstSlot / 2 &+ 2 &* slot].compareExchange(
            expected: WordPair(first: UInt(old.name), second: UInt(old.word)),
            desired: WordPair(first: UInt(new.name), second: UInt(new.word)), ordering: .sequentiallyConsistent
        ).exchanged
    }
}
