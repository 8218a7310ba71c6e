internal import JOSE

/// Where a guard remembers the proofs it accepted.
enum ProofMemory: Sendable {
    enum Answer { case fresh, replayed, full, late }

    /// In this guard alone.
    case own(Locked<ReplayMemory>)
    /// With every guard of the machine that opens the same directory.
    case shared(SharedReplayTable)

    func remember(_ proof: UsedProof, now: Int64) -> Answer {
        switch self {
        case .own(let memory): memory.withLock { $0.remember(proof, now: now) }
        case .shared(let table): table.remember(proof)
        }
    }

    func count(now: Int64) -> Int {
        switch self {
        case .own(let memory): memory.withLock { $0.count }
        case .shared(let table): table.count(now: now)
        }
    }
}

/// A proof that verified, as replay memory knows it.
struct UsedProof: Sendable {
    /// Who signed, and what they called it: two proofs with one name are one proof.
    let name: String
    /// When it was signed.
    let issuedAt: Int64
}
