/// Remembers accepted proofs for as long as their window lasts, in bounded memory, and refuses when it cannot.
///
/// Two generations: a proof is forgotten with its whole generation, which is never before its window is over.
struct ReplayMemory {
    enum Answer { case fresh, replayed, full }

    private let capacity: Int
    private let span: Int64
    private var current: Set<String> = []
    private var previous: Set<String> = []
    private var rotated: Int64 = .min

    /// - Parameter span: how long a proof can be presented again, in seconds: twice the window.
    init(capacity: Int, span: Int64) {
        self.capacity = max(capacity, 2)
        self.span = span + 1
    }

    var count: Int { current.count + previous.count }

    mutating func remember(_ proof: String, now: Int64) -> Answer {
        if rotated == .min { rotated = now }
        if now - rotated >= span {
            previous = now - rotated >= 2 * span ? [] : current
            current = []
            rotated = now
        }
        if current.contains(proof) || previous.contains(proof) { return .replayed }
        guard count < capacity else { return .full }
        current.insert(proof)
        return .fresh
    }
}
