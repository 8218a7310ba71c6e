internal import Synchronization

/// The slots of a ``ReplayTable`` that one proof can be in: a bucket in each segment.
struct ReplayPlaces {
    struct Slot {
        let segment: Int
        let index: Int
        /// The word in the slot.
        let held: UInt64
    }

    enum Look {
        /// The proof is there.
        case found
        /// The first slot that may be taken; the part of the table that the tree holds and the free part, in a measure
        /// of their own.
        case free(Slot, held: Int, free: Int)
        /// No slot may be taken in this many segments.
        case full(Int)
        /// There is a segment that cannot be mapped.
        case unusable
    }

    private let room: ReplayRoom
    private let place: UInt64
    private let proof: UInt64
    private let tree: UInt64

    init(_ room: ReplayRoom, proof: SIMD2<UInt64>, tree: UInt64) {
        (self.room, self.tree) = (room, tree)
        (place, self.proof) = (proof.x, ReplayWord.proofPart(of: proof.y))
    }

    /// Looks through all places.
    func look(at unit: UInt64, hold: UInt64) -> Look {
        var taken: Slot?
        // Each bucket counts as its whole segment: places in small segments say less.
        var (held, free, seen, index) = (0, 0, 0, 0)
        while true {
            switch room.find(index) {
            case .segment: break
            case .unusable: return .unusable
            case .none:
                guard let taken else { return .full(index) }
                return .free(taken, held: held, free: free + room.unmade * ReplayTable.slotsPerBucket)
            }
            let segment = room[index]
            seen += segment.buckets
            if taken != nil, isIdle(index, at: unit, hold: hold) {
                free += segment.buckets * ReplayTable.slotsPerBucket
                index += 1
                continue
            }
            let bucket = bucket(in: segment, index)
            let name = ReplayWord.treePart(of: tree, bucket: segment.before + bucket)
            let start = bucket * ReplayTable.slotsPerBucket
            for slot in start..<start + ReplayTable.slotsPerBucket {
                let word = ReplayWord(bits: unsafe segment.slots[slot].load(ordering: .sequentiallyConsistent))
                if word.isEmpty {
                    // Nothing follows it, in this segment or another.
                    let behind = start + ReplayTable.slotsPerBucket - slot
                    let more = room.mappedBuckets - seen + room.unmade
                    return .free(
                        taken ?? Slot(segment: index, index: slot, held: 0), held: held,
                        free: free + behind * segment.buckets + more * ReplayTable.slotsPerBucket)
                }
                if word.proof == proof { return .found }
                if word.age(at: unit) >= hold {
                    taken = taken ?? Slot(segment: index, index: slot, held: word.bits)
                    free += segment.buckets
                } else if word.tree == name {
                    held += segment.buckets
                }
            }
            index += 1
        }
    }

    /// The number of buckets of each segment that are counted before a tree is denied.
    private static let around = 16

    /// Whether the tree holds so little, in the places around too, that it may have a slot in spite of its own places.
    ///
    /// - Parameter own: The free part of its own places.
    func mayHave(free own: Int, at unit: UInt64, hold: UInt64) -> Bool {
        var (held, free) = (0, Self.around * room.unmade * ReplayTable.slotsPerBucket)
        for index in 0..<room.mappedCount {
            let segment = room[index]
            let first = bucket(in: segment, index)
            for i in 0..<Self.around {
                let bucket = (first + i) % segment.buckets
                let name = ReplayWord.treePart(of: tree, bucket: segment.before + bucket)
                let start = bucket * ReplayTable.slotsPerBucket
                for slot in start..<start + ReplayTable.slotsPerBucket {
                    let word = ReplayWord(bits: unsafe segment.slots[slot].load(ordering: .relaxed))
                    if word.isEmpty || word.age(at: unit) >= hold {
                        free += segment.buckets
                    } else if word.tree == name {
                        held += segment.buckets
                    }
                }
            }
        }
        if own > room.reserve, 2 * held + Self.around * room.reserve < free { return true }
        // A bucket keeps its last three slots, of 64, for trees that hold next to nothing.
        return (own > room.reserve / 2 ? 8 : 32) * held < free
    }

    /// Swaps the proof's word into a slot; `false` if the slot has changed.
    func take(_ slot: Slot, at unit: UInt64) -> Bool {
        room.page.raiseStamp(of: slot.segment, to: unit)
        let segment = room[slot.segment]
        let bucket = segment.before + slot.index / ReplayTable.slotsPerBucket
        let word = ReplayWord(unit: unit, tree: ReplayWord.treePart(of: tree, bucket: bucket), proof: proof)
        return unsafe segment.slots[slot.index].compareExchange(
            expected: slot.held, desired: word.bits, ordering: .sequentiallyConsistent
        ).exchanged
    }

    /// Whether the proof is in another place as well; `nil` if not all can be looked at.
    func isElsewhere(than slot: Slot, at unit: UInt64, hold: UInt64) -> Bool? {
        var index = 0
        while true {
            switch room.find(index) {
            case .segment: break
            case .unusable: return nil
            case .none: return false
            }
            let segment = room[index]
            if !isIdle(index, at: unit, hold: hold) {
                let start = bucket(in: segment, index) * ReplayTable.slotsPerBucket
                for other in start..<start + ReplayTable.slotsPerBucket {
                    let word = ReplayWord(bits: unsafe segment.slots[other].load(ordering: .sequentiallyConsistent))
                    if word.isEmpty { return false }
                    if word.proof == proof, index != slot.segment || other != slot.index { return true }
                }
            }
            index += 1
        }
    }

    /// Whether the places are so full that the table should grow before they are.
    func isNearFull(_ slot: Slot) -> Bool {
        slot.segment + 1 == room.mappedCount
            && slot.index % ReplayTable.slotsPerBucket >= ReplayTable.slotsPerBucket * 3 / 4
    }

    /// Whether everything in a segment is past its time.
    private func isIdle(_ index: Int, at unit: UInt64, hold: UInt64) -> Bool {
        let stamp = room.page.stamp(of: index)
        return stamp <= unit && unit - stamp >= hold
    }

    private func bucket(in segment: ReplayRoom.Segment, _ index: Int) -> Int {
        // Other bits in each segment: proofs that share a bucket in one are spread over the next.
        let mixed = place &* (0x9E37_79B9_7F4A_7C15 &+ UInt64(truncatingIfNeeded: index) << 1)
        return Int(mixed.multipliedFullWidth(by: UInt64(segment.buckets)).high)
    }
}
