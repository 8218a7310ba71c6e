/// The entries of a tile of level 0, each preceded by its length in two bytes, big-endian (C2SP tlog-tiles).
public enum EntryBundle {
    /// The longest entry, in bytes.
    public static let longestEntry = 0xFFFF
    /// The longest bundle, in bytes.
    public static let longestBundle = Tile.fullWidth * (longestEntry + 2)

    /// Appends an entry.
    public static func append(_ entry: Span<UInt8>, to bundle: inout [UInt8]) throws(TransparencyLogError) {
        guard entry.count <= longestEntry else {
            throw TransparencyLogError("entry_length", "an entry has at most \(longestEntry) bytes")
        }
        bundle.append(UInt8(entry.count >> 8))
        bundle.append(UInt8(entry.count & 0xFF))
        unsafe entry.withUnsafeBufferPointer { unsafe bundle.append(contentsOf: $0) }
    }

    /// Returns the complete entries of a bundle, and whether the bundle holds nothing else.
    public static func split(_ bundle: Span<UInt8>) -> (entries: [Range<Int>], isWhole: Bool) {
        var entries: [Range<Int>] = []
        var position = 0
        while bundle.count - position >= 2, entries.count < Tile.fullWidth {
            let length = Int(bundle[position]) << 8 | Int(bundle[position + 1])
            guard bundle.count - position - 2 >= length else { break }
            entries.append(position + 2..<position + 2 + length)
            position += 2 + length
        }
        return (entries, position == bundle.count)
    }
}
