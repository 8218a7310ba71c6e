internal import Glibc
internal import JOSE

/// Records, in another file, the number of proofs that the file `replay` has taken. An older copy written over it in
/// place has taken fewer, whoever used it meanwhile.
///
/// A proof is counted in the table first and here next, before it is answered. So the table is never behind, unless it
/// was replaced; and a proof that a dying process left uncounted was not accepted.
struct ReplayWitness: Sendable {
    private let page: SharedSequence?

    /// - Parameter path: The file of used proofs, next to which `sequence` is; without that nothing is known.
    init(beside path: String) throws(AgentIDError) {
        let sequence = "\(Files.split(path).parent)/sequence"
        page = try Files.isPresent(sequence) ? try SharedSequence(path: sequence, isWriter: true) : nil
    }

    /// The least number of proofs taken.
    var taken: UInt64 { page?.reached(.proofs) ?? 0 }

    func note(taken count: UInt64) { page?.reach(.proofs, count) }
}

extension ReplayRoom {
    /// Accepts a file that has taken fewer proofs than are known, on the word of whoever opens it: a new one, or an
    /// older copy. Processes that had it open before deny from now on.
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
