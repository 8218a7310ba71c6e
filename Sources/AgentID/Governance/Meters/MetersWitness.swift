/// Records, in another file, how far the turns of the file `meters` have come. An older copy, written over it in place or put
/// there while nobody looked, is behind. The registry takes them along with each change: so is an older copy of both files.
///
/// A turn is counted in the page first and here next, before anything that it stands for is answered. So the page is never
/// behind, unless it was replaced, or the machine lost power: then it belongs to another run of the machine.
struct MetersWitness: Sendable {
    private let sequence: SharedSequence?
    /// The turns that the registry knows of.
    private let known: UInt64

    /// - Parameters:
    ///   - path: The file of meters, next to which `sequence` is.
    ///   - known: the turns that the registry knows of.
    ///   - isWriter: whether it notes turns; without, the file is not touched.
    init(beside path: String, known: UInt64, isWriter: Bool = true) throws(AgentIDError) {
        self.known = known
        let place = "\(Files.split(path).parent)/sequence"
        sequence = try Files.isPresent(place) ? try SharedSequence(path: place, isWriter: isWriter) : nil
    }

    /// The least number of turns.
    var turns: UInt64 { max(sequence?.reached(.meters) ?? 0, known) }

    func note(turns: UInt64) { sequence?.reach(.meters, turns) }
}
