/// A set of automaton states, 0 to 255, without allocation.
struct StateSet: Hashable, Sendable {
    private var words = SIMD4<UInt64>(repeating: 0)

    var isEmpty: Bool { words == SIMD4<UInt64>(repeating: 0) }

    var count: Int { (0..<4).reduce(0) { $0 + words[$1].nonzeroBitCount } }

    func contains(_ state: Int) -> Bool { words[state >> 6 & 3] >> UInt64(state & 63) & 1 == 1 }

    mutating func insert(_ state: Int) { words[state >> 6 & 3] |= 1 << UInt64(state & 63) }

    /// Every state replaced by its successor; state 255 has none.
    private var shifted: SIMD4<UInt64> {
        words &<< 1 | SIMD4<UInt64>(0, words[0] >> 63, words[1] >> 63, words[2] >> 63)
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

/// An automaton's states as bits, all moved at once.
protocol AutomatonStates {
    init()
    mutating func insert(_ state: Int)
    func contains(_ state: Int) -> Bool
    var isEmpty: Bool { get }
    /// Every state replaced by its successor.
    var successors: Self { get }
    static func & (a: Self, b: Self) -> Self
    static func | (a: Self, b: Self) -> Self
}

extension StateSet: AutomatonStates {
    var successors: StateSet {
        var next = StateSet()
        next.words = shifted
        return next
    }

    static func & (a: StateSet, b: StateSet) -> StateSet {
        var both = StateSet()
        both.words = a.words & b.words
        return both
    }

    static func | (a: StateSet, b: StateSet) -> StateSet {
        var either = StateSet()
        either.words = a.words | b.words
        return either
    }
}

/// States 0 to 63.
extension UInt64: AutomatonStates {
    var isEmpty: Bool { self == 0 }
    var successors: UInt64 { self << 1 }
    mutating func insert(_ state: Int) { self |= 1 << UInt64(truncatingIfNeeded: state & 63) }
    func contains(_ state: Int) -> Bool { self >> UInt64(truncatingIfNeeded: state & 63) & 1 == 1 }
}
