/// The facts that one call adds to its ``AuditTemplate``.
struct AuditFacts {
    /// The last 16 digits of the decision's ID; the template holds those before them.
    let number: UInt64
    /// The registry's sequence at the decision.
    let sequence: Int64
    /// The time, in milliseconds since 1970.
    let time: Int64
    let digest: SIMD2<UInt64>?
    /// The names of the arguments, or nothing, followed by the tool, both as JSON.
    let text: [UInt8]
    let argumentsCount: Int

    var tool: Range<Int> { argumentsCount..<text.count }

    /// The most bytes in front of the text.
    private static let headSize = 48

    var size: Int { Self.headSize + text.count }

    /// Writes `"arguments":[…],`, or nothing.
    func putArguments(to line: inout ByteWriter) {
        guard argumentsCount > 0 else { return }
        line.put(#""arguments":"#)
        line.put(text.span.extracting(first: argumentsCount))
        line.put(",")
    }

    /// Writes the facts in a segment's form: a word (length of the arguments below, 1 above if there is a digest),
    /// number, sequence, time, the digest's two words, text.
    func put(to writer: inout ByteWriter) {
        writer.put(word: UInt64(argumentsCount) | (digest == nil ? 0 : 1 << 32))
        writer.put(word: number)
        writer.put(word: UInt64(bitPattern: sequence))
        writer.put(word: UInt64(bitPattern: time))
        if let digest {
            writer.put(word: digest.x)
            writer.put(word: digest.y)
        }
        writer.put(text)
    }
}

extension AuditFacts {
    /// `nil` unless these are the bytes of facts.
    init?(_ bytes: Span<UInt8>) {
        guard let head = bytes.word(at: 0), let number = bytes.word(at: 8), let sequence = bytes.word(at: 16),
            let time = bytes.word(at: 24), head >> 32 <= 1
        else { return nil }
        var start = 32
        var digest: SIMD2<UInt64>?
        if head >> 32 == 1 {
            guard let x = bytes.word(at: 32), let y = bytes.word(at: 40) else { return nil }
            (digest, start) = (SIMD2(x, y), 48)
        }
        let count = Int(head & 0xFFFF_FFFF)
        guard count <= bytes.count - start else { return nil }
        let rest = bytes.extracting(start..<bytes.count)
        self.init(
            number: number, sequence: Int64(bitPattern: sequence), time: Int64(bitPattern: time), digest: digest,
            text: rest.indices.map { rest[$0] }, argumentsCount: count)
    }
}

extension Span<UInt8> {
    /// Eight bytes, little-endian; `nil` beyond the end.
    func word(at position: Int) -> UInt64? {
        guard position >= 0, position <= count - 8 else { return nil }
        return (0..<8).reduce(0) { $0 | UInt64(self[position + $1]) << UInt64(8 * $1) }
    }
}
