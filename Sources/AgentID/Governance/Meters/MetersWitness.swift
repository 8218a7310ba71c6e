/// Records, in another file, how far the turns of the file `meters` have come. An older copy, written over it in place or put
/// there while nobody looked, is behind.
///
/// A turn is counted in the page first and here next, before anything that it stands for is answered. So the page is never
/// behind, unless it was replaced, or the machine lost power: then it belongs to another run of the machine.
struct MetersWitness: Sendable {
    private let sequence: SharedSequence?

    /// - Parameter path: The file of meters, next to which `sequence` is; without that nothing is known.
    /// - Parameter isWriter: whether it notes turns; without, the file is not touched.
    init(beside path: String, isWriter: Bool = true) throws(AgentIDError) {
        let place = "\(Files.split(path).parent)/sequence"
        sequence = Files.exists(place) ? try SharedSequence(path: place, isWriter: isWriter) : nil
    }

    /// The least number of turns.
    var turns: UInt64 { sequence?.reached(.meters) ?? 0 }

    func note(turns: UInt64) { sequence?.reach(.meters, turns) }
}
