/// A set of automaton states, 0 to 255, without allocation.
struct StateSet: Hashable, Sendable {
    private var words = SIMD4<UInt64>(repeating: 0)

    var isEmpty: Bool { words == SIMD4<UInt64>(repeating: 0) }

    var count: Int { (0..<4).reduce(0) { $0 + words[$1].nonzeroBitCount } }

    func contains(_ state: Int) -> Bool { words[state >> 6 & 3] >> UInt64(state & 63) & 1 == 1 }

    mutating func insert(_ state: Int) { words[state >> 6 & 3] |= 1 << UInt64(state & 63) }

    /// Adds the successor of each state that is also in `others`.
    mutating func insertSuccessors(ofThoseIn others: StateSet) {
        let moving = words & others.words
        let carried = SIMD4<UInt64>(0, moving[0] >> 63, moving[1] >> 63, moving[2] >> 63)
        words |= moving &<< 1 | carried
    }

    func forEach(_ body: (Int) -> Void) {
        for word in 0..<4 {
            var bits = words[word]
            while bits != 0 {
                body(word << 6 | bits.trailingZeroBitCount)
                bits &= bits - 1
            }
        }
    }
}
