import Foundation

/// Random numbers that a printed seed brings back (SplitMix64).
package struct Seeded: RandomNumberGenerator {
    private var state: UInt64
    package init(seed: UInt64) { state = seed }

    /// The seed that `AGENTID_SEED` says, or a new one; printed.
    package static func chosen(_ test: String) -> UInt64 {
        let seed =
            ProcessInfo.processInfo.environment["AGENTID_SEED"].flatMap(UInt64.init) ?? UInt64.random(in: 0 ... .max)
        print("\(test): AGENTID_SEED=\(seed)")
        return seed
    }

    package static func announced(_ test: String) -> Seeded { Seeded(seed: chosen(test)) }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
