// Numbers (RFC 7493, section 2.2; AAT section 3.4).
extension JSONReader {
    /// Reads the number that begins at `position`.
    mutating func number(_ source: Span<UInt8>) throws(JSON.ParseError) {
        let start = position
        var decimal = DecimalLiteral()
        try decimal.read(source, from: &position)
        if decimal.steps > 0 { try spend(decimal.steps + (position - start) >> 2) }
        guard let value = decimal.value(in: source, from: start, to: position) else {
            guard !refusesInexactNumbers else {
                throw error("no double-precision number is this large or this close to zero (RFC 7493, 2.2)", at: start)
            }
            append(.number, from: start, number: decimal.nearest(in: source, from: start, to: position))
            return markInexact()
        }
        append(.number, from: start, flag: decimal.isInteger, number: value)
        // A later reader of the text would act on another number than the one checked here (AAT section 3.4).
        guard !decimal.denotes(value, in: source, from: start, to: position) else { return }
        guard !refusesInexactNumbers else {
            throw error(
                "a number has more digits than double precision keeps (AAT section 3.4): send it as a string", at: start
            )
        }
        markInexact()
    }

    /// Marks the last number read as inexact.
    private mutating func markInexact() {
        nodes[nodes.count - 1].first = 1
        hasInexactNumbers = true
    }
}
