extension Array<UInt64> {
    var littleEndianBytes: [UInt8] {
        flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) } }
    }
}

extension Sequence<UInt8> {
    /// Its bytes as words, the last filled up with zeros.
    var littleEndianWords: [UInt64] {
        var words: [UInt64] = []
        for (i, byte) in enumerated() {
            if i % 8 == 0 { words.append(0) }
            words[words.count - 1] |= UInt64(byte) << (8 * UInt64(i % 8))
        }
        return words
    }
}
