/// A slot of a ``ReplayTable``: when a proof was remembered, by whose tree of grants, and which proof. 0 is an empty slot.
///
/// 10 bits of the table's time in units of 4.1 s, 20 bits of a keyed hash of the tree, 34 of one of the proof.
struct ReplayWord: Equatable {
    let bits: UInt64

    init(bits: UInt64) { self.bits = bits }

    init(unit: UInt64, tree: UInt64, proof: UInt64) {
        bits = unit << Self.unitShift | tree << Self.proofBits | proof
    }

    private static let proofBits: UInt64 = 34
    private static let treeBits: UInt64 = 20
    private static let unitShift = proofBits + treeBits
    private static let unitMask: UInt64 = 1023

    /// The unit of a time in milliseconds.
    static func unit(of time: UInt64) -> UInt64 { time >> 12 }

    /// How many units it takes for `milliseconds` to be over for sure, whenever within a unit they began.
    static func units(for milliseconds: UInt64) -> UInt64 { unit(of: milliseconds + 4095) + 1 }

    /// What is kept of a proof's hash: never 0, for a word of 0 is an empty slot.
    static func proofPart(of hash: UInt64) -> UInt64 { max(hash & (1 << proofBits - 1), 1) }

    /// What is kept of a tree's hash in a bucket: other bits in each, so that two trees that have one name in a bucket
    /// have two in the next.
    static func treePart(of hash: UInt64, bucket: Int) -> UInt64 {
        ((hash ^ UInt64(truncatingIfNeeded: bucket)) &* 0x9E37_79B9_7F4A_7C15) >> (64 - treeBits)
    }

    var isEmpty: Bool { bits == 0 }
    var proof: UInt64 { bits & (1 << Self.proofBits - 1) }
    var tree: UInt64 { bits >> Self.proofBits & (1 << Self.treeBits - 1) }

    /// How many units before `unit` it was remembered; where that is 70 minutes and more, less than it was.
    func age(at unit: UInt64) -> UInt64 { (unit &- bits >> Self.unitShift) & Self.unitMask }
}
