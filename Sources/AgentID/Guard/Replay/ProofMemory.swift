/// The memory of the proofs that a guard accepted.
enum ProofMemory: Sendable {
    /// Of this guard alone.
    case own(ReplayTable)
    /// Shared by every guard of the machine that opens the same directory.
    case shared(SharedReplayMemory)

    /// A secret of all guards that share the memory, and of nobody else.
    var secret: SIMD2<UInt64> {
        switch self {
        case .own(let table): table.room.header.key
        case .shared(let memory): memory.secret
        }
    }

    func remember(_ proof: UsedProof, since begun: Int64) -> ReplayAnswer {
        switch self {
        case .own(let table): table.remember(proof, since: begun)
        case .shared(let memory): memory.remember(proof, since: begun)
        }
    }

    func statistics() -> ReplayStatistics {
        switch self {
        case .own(let table): table.statistics()
        case .shared(let memory): memory.statistics()
        }
    }
}

/// The replay memory's answer to a proof.
enum ReplayAnswer: Equatable {
    enum Room { case share, whole }

    /// It was not used before, and is now.
    case fresh
    case replayed
    /// There is no room for it: its tree of grants holds as much as is free, or nothing is free.
    case full(Room)
    /// The call was delayed so long that its proof may have been forgotten.
    case late
    /// The memory was replaced or put back: proofs may have been forgotten.
    case replaced
}

/// A proof that verified, as replay memory identifies it.
struct UsedProof: Sendable {
    /// The signer and the proof's `jti`: two proofs with one name are one proof.
    let name: String
    /// The root grant it was under, and that root's signer: all that descends from one root has one share.
    let tree: String
}

extension Denial {
    /// The reason for refusing a proof; `nil` if it is fresh.
    init?(_ answer: ReplayAnswer, of what: String = "proof", at place: String = "proof.jti") {
        switch answer {
        case .fresh: return nil
        case .replayed: self.init("replayed", "this \(what) was used before", at: place)
        case .full(.share):
            self.init(
                "replay_memory_full",
                "all grants under this root hold as many used proofs as are free for others: call less often, or raise "
                    + "replay_capacity", at: "proof.jti")
        case .full(.whole):
            self.init(
                "replay_memory_full",
                "no room to remember this proof, and none to be had: raise replay_capacity, or see whether the disk is "
                    + "full", at: "proof.jti")
        case .late:
            self.init(
                "pop_stale", "the call was held up for 10 s: call again with a new proof", at: "proof.iat")
        case .replaced:
            self.init(
                "replay_memory_replaced",
                "the file of used proofs was removed, replaced, cut short or written over: open the guard anew, or wait 4 minutes",
                at: "proof.jti")
        }
    }
}
