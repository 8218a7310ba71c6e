/// A slot of a ``ReplayTable``: the time when a proof was remembered, its tree of grants, and the proof. 0 is an empty
/// slot.
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

    /// The number of units after which `milliseconds` are over for sure, whenever within a unit they began.
    static func units(for milliseconds: UInt64) -> UInt64 { unit(of: milliseconds + 4095) + 1 }

    /// The stored part of a proof's hash: never 0, for a word of 0 is an empty slot.
    static func proofPart(of hash: UInt64) -> UInt64 { max(hash & (1 << proofBits - 1), 1) }

    /// The stored part of a tree's hash in a bucket: other bits in each, so that two trees with the same part in one
    /// bucket differ in the next.
    static func treePart(of hash: UInt64, bucket: Int) -> UInt64 {
        ((hash ^ UInt64(truncatingIfNeeded: bucket)) &* 0x9E37_79B9_7F4A_7C15) >> (64 - treeBits)
    }

    var isEmpty: Bool { bits == 0 }
    var proof: UInt64 { bits & (1 << Self.proofBits - 1) }
    var tree: UInt64 { bits >> Self.proofBits & (1 << Self.treeBits - 1) }

    /// The number of units before `unit` at which it was remembered; too low if that was 70 minutes ago or more.
    func age(at unit: UInt64) -> UInt64 { (unit &- bits >> Self.unitShift) & Self.unitMask }
}
