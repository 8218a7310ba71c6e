internal import Glibc
internal import JOSE

/// Knows, in another file, how many proofs the file `replay` has taken: an older copy that is written over it in place
/// has taken fewer, whoever used it meanwhile.
///
/// A proof is counted in the table first and here next, before it is answered. So the table is never behind, unless it is
/// not what it was; and what a process that died left uncounted was not accepted.
struct ReplayWitness: Sendable {
    private let page: SharedSequence?

    /// - Parameter path: of the file of used proofs, beside which `sequence` is; nothing is known where there is none.
    init(beside path: String) throws(AgentIDError) {
        let sequence = "\(Files.split(path).parent)/sequence"
        page = Files.exists(sequence) ? try SharedSequence(path: sequence, isWriter: true) : nil
    }

    /// How many proofs were taken at least.
    var taken: UInt64 { page?.reached(.proofs) ?? 0 }

    func note(taken count: UInt64) { page?.reach(.proofs, count) }
}

extension ReplayRoom {
    /// Takes up a file that has taken fewer proofs than are known of, on the word of whoever opens it: one that was made
    /// anew, or an older copy. Who had it open before denies from now on.
    func settle(_ witness: ReplayWitness) {
        guard let file else { return }
        for turn in 0..<100 where page.taken < witness.taken {
            if turn > 0 { usleep(1000) }
            _ = try? file.growing { () throws(AgentIDError) in
                guard page.taken < witness.taken else { return }
                page.begin(generation: Sodium.sipHashKey().x)
                page.raiseTaken(to: witness.taken)
            }
        }
    }
}
