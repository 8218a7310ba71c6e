/// Remembers accepted proofs for as long as their window lasts, in bounded memory, and refuses when it cannot.
///
/// Two generations: a proof is forgotten with its whole generation, which is never before its window is over.
struct ReplayMemory {
    private let capacity: Int
    private let window: Int64
    private var current: Set<String> = []
    private var previous: Set<String> = []
    private var rotated: Int64 = .min
    private var newest: Int64 = .min

    /// - Parameter window: how far from the present a proof may have been signed, in seconds either way.
    init(capacity: Int, window: Int64) {
        self.capacity = max(capacity, 2)
        self.window = window
    }

    var count: Int { current.count + previous.count }

    mutating func remember(_ proof: UsedProof, now: Int64) -> ProofMemory.Answer {
        newest = max(newest, now)
        // A call that was held up since its proof was verified: what it must be compared with may be forgotten.
        guard proof.issuedAt + window >= newest else { return .late }
        if rotated == .min { rotated = newest }
        let span = 2 * window + 1
        if newest - rotated >= span {
            previous = newest - rotated >= 2 * span ? [] : current
            current = []
            rotated = newest
        }
        if current.contains(proof.name) || previous.contains(proof.name) { return .replayed }
        guard count < capacity else { return .full }
        current.insert(proof.name)
        return .fresh
    }
}
