internal import JOSE
internal import Synchronization

/// Replay memory in a file that all guards of a directory map: a proof is accepted once among all of them.
///
/// A hash table of words, in buckets of 64. A word is a slot: when the proof was signed, and 32 bits of its keyed hash;
/// other bits of the hash choose the bucket. To remember a proof is to read its whole bucket and to swap its word into
/// the first slot that may be taken; where that slot changed meanwhile, from the start.
///
/// Why a proof is never accepted twice, by whatever threads and processes, and whatever their clocks say:
///
/// 1. A slot may be taken for a proof when it is empty or its word was signed at least `span` before the proof was. The
///    time in a slot thus only grows, by `span` at a time. No word ever returns: a swap cannot mistake it for another.
/// 2. What may not be taken for a proof may never be taken for it again, as its slot's time only grows. This does not
///    hang on what time it is for the one who asks.
/// 3. Say a proof was accepted into slot s. Every slot before s was not to be taken then, hence never again (2), and a
///    swap there fails. Slot s holds the proof's own word, or later one that was signed at least `span` after: whoever
///    presents the proof again reads one or the other in s and is refused, or swaps against what was in s before, and
///    fails.
///
/// One swap takes a slot whole. A process that dies before it took nothing, one that dies behind it has used the proof
/// up; neither leaves anything to mend. Two proofs with one word are taken for one proof, which denies: one in 2^32
/// where they share a bucket and were signed in the same second, and nobody without the file can look for such.
///
/// With true clocks a proof never meets a word signed `span` later, for `span` is longer than two guards' longest
/// windows. It can meet one after the clock went back, or in a damaged file, and is denied.
///
/// Any word whatsoever may be read from the file: it permits what was never remembered and denies the rest. What cannot
/// be defended is the owner: who may write the file may forget its proofs, and who shortens it while it is mapped ends
/// the processes that map it (SIGBUS). That is why it is readable and writable by its owner alone. Removing it while
/// guards are open parts them from those that open it later. A loss of power may take the last moments' words with it.
@safe final class SharedReplayTable: Sendable {
    /// The longest windows of two guards, before and after, and 30 s for clocks that are set.
    static let span = 2 * Limits.longestProofWindow + 30

    private static let slotsPerBucket = 64
    /// Slots for each proof of the capacity: a slot is held for `span`, which is longer than a window, and no bucket
    /// may be full before the table is.
    private static let slotsPerProof = 8
    static let mostBuckets = Limits.replayCapacity * slotsPerProof / slotsPerBucket

    // SAFETY: stays mapped as long as this object lives, and is reached by atomic operations only.
    nonisolated(unsafe) private let slots: UnsafeMutablePointer<Atomic<UInt64>>
    private let header: ReplayHeader

    /// Maps the file at `path`, and makes it where there is none.
    ///
    /// - Parameter capacity: how many proofs are accepted within a minute at least, where the file is made.
    init(path: String, capacity: Int) throws(AgentIDError) {
        let (needed, slots) = (min(max(capacity, 1), Limits.replayCapacity), Self.slotsPerProof)
        let buckets = (needed * slots + Self.slotsPerBucket - 1) / Self.slotsPerBucket
        let file = try ReplayFile(
            path: path, initial: ReplayHeader(buckets: buckets, span: Self.span, key: Sodium.sipHashKey()))
        header = file.header
        unsafe self.slots = try file.map().assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    deinit { unsafe ReplayFile.unmap(slots, header) }

    static func fileSize(buckets: Int) -> Int { ReplayHeader.size + buckets * slotsPerBucket * 8 }

    private var slotCount: Int { header.buckets * Self.slotsPerBucket }

    func remember(_ proof: UsedProof) -> ProofMemory.Answer {
        let hash = proof.name.withUTF8Span { Sodium.sipHash($0, key: header.key) }
        // A time of 0 is an empty slot's.
        guard let issuedAt = UInt32(exactly: proof.issuedAt), issuedAt > 0 else { return .late }
        let word = UInt64(issuedAt) << 32 | hash.y & 0xFFFF_FFFF
        let bucket = Int(hash.x.multipliedFullWidth(by: UInt64(header.buckets)).high)
        let range = bucket * Self.slotsPerBucket..<(bucket + 1) * Self.slotsPerBucket
        // A swap fails where another took the slot: no more often than there are slots, or someone plays with the file.
        for _ in 0...Self.slotsPerBucket {
            var free: (slot: Int, word: UInt64)?
            for slot in range {
                let held = unsafe slots[slot].load(ordering: .acquiring)
                if held == word { return .replayed }
                let time = Int64(held >> 32)
                guard time < proof.issuedAt + header.span else { return .late }
                if free == nil, time + header.span <= proof.issuedAt { free = (slot, held) }
            }
            guard let free else { return .full }
            let swap = unsafe slots[free.slot].compareExchange(
                expected: free.word, desired: word, ordering: .acquiringAndReleasing)
            if swap.exchanged { return .fresh }
        }
        return .full
    }

    /// How many proofs are remembered that could still be presented.
    func count(now: Int64) -> Int {
        (0..<slotCount).count { slot in
            let held = unsafe slots[slot].load(ordering: .relaxed)
            return held != 0 && Int64(held >> 32) + header.span > now
        }
    }
}
