internal import StrictJSON

/// The entry of a permitted call with holes: everything that a chain's calls at one guard share.
///
/// A segment holds it once for many calls. Each call then adds some 100 bytes of ``AuditFacts`` instead of its whole
/// entry. The reader of the segment joins the two, and the tree holds the whole entry.
struct AuditTemplate {
    /// The parts that fill a hole. JSON holds no raw bytes below 32, so these bytes mark the holes.
    enum Hole: UInt8 {
        case arguments = 1
        case digest, number, sequence, time, tool
    }

    private enum Piece {
        case text(Range<Int>)
        case hole(Hole)
    }

    private let bytes: [UInt8]
    private let pieces: [Piece]

    /// Takes any bytes: those from a file may be anything, and are then not JSON.
    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        var pieces: [Piece] = []
        var start = 0
        for (i, byte) in bytes.enumerated() {
            guard let hole = Hole(rawValue: byte) else { continue }
            if i > start { pieces.append(.text(start..<i)) }
            pieces.append(.hole(hole))
            start = i + 1
        }
        if start < bytes.count { pieces.append(.text(start..<bytes.count)) }
        self.pieces = pieces
    }

    /// The entry of a call.
    func line(_ facts: AuditFacts) -> [UInt8] {
        ByteWriter.bytes(bytes.count + facts.text.count + Self.mostAdded) { line in
            for piece in pieces {
                switch piece {
                case .text(let range): line.put(bytes.span.extracting(range))
                case .hole(.arguments): facts.putArguments(to: &line)
                case .hole(.digest): line.put(digest: facts.digest)
                case .hole(.number): line.put(hexadecimal: facts.number)
                case .hole(.sequence): line.put(decimal: facts.sequence)
                case .hole(.time): line.put(decimal: facts.time)
                case .hole(.tool): line.put(facts.text.span.extracting(facts.tool))
                }
            }
        }
    }

    /// An upper bound of the bytes that fill the holes other than ``AuditFacts/text``.
    static let mostAdded = 128
}
