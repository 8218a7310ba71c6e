/// A tile: up to 256 neighbouring hashes of one level of the tree, or the entries they stand for (C2SP tlog-tiles).
public struct Tile: Hashable, Sendable {
    /// The number of hashes of a full tile.
    public static let fullWidth = 256

    /// The level, in tiles: its hashes are roots of 256^level leaves each.
    public let level: Int
    /// The index of the tile in its level, from 0.
    public let index: UInt64
    /// The number of hashes, 1 to 256.
    public let width: Int

    /// The tile at this place; `nil` if no tree has one there.
    public init?(level: Int, index: UInt64, width: Int = Tile.fullWidth) {
        guard (0...7).contains(level), (1...Tile.fullWidth).contains(width), index <= TreeSize.largest >> 8 else {
            return nil
        }
        self.level = level
        self.index = index
        self.width = width
    }

    /// Whether the tile may still grow.
    public var isPartial: Bool { width < Tile.fullWidth }

    /// The same tile at full width.
    public var full: Tile { Tile(level: level, index: index) ?? self }

    /// The path of the tile's hashes: `tile/<level>/<index>[.p/<width>]`.
    public var path: String { "tile/\(level)/\(name)\(suffix)" }

    /// The path of the entries of a tile of level 0: `tile/entries/<index>[.p/<width>]`.
    public var entriesPath: String { "tile/entries/\(name)\(suffix)" }

    private var suffix: String { isPartial ? ".p/\(width)" : "" }

    /// The index, three digits a step, `x` before all but the last: 1234067 is `x001/x234/067`.
    private var name: String {
        var groups: [String] = []
        var rest = index
        repeat {
            let digits = String(rest % 1000)
            groups.append(String(repeating: "0", count: 3 - digits.utf8.count) + digits)
            rest /= 1000
        } while rest > 0
        return groups.enumerated().reversed().map { $0.offset == 0 ? $0.element : "x\($0.element)/" }.joined()
    }

    /// The number of hashes at this level of tiles in a tree of `size` leaves.
    static func count(level: Int, size: UInt64) -> UInt64 {
        (0..<8).contains(level) ? size >> UInt64(8 * level) : 0
    }

    /// The tile with this index in a tree of `size` leaves, with its width there; `nil` if there is none.
    public static func ofTree(size: UInt64, level: Int, index: UInt64) -> Tile? {
        let count = count(level: level, size: size)
        guard size <= TreeSize.largest, index <= count >> 8 else { return nil }
        return Tile(level: level, index: index, width: Int(min(count - index << 8, UInt64(Tile.fullWidth))))
    }

    /// The partial tiles at the right edge of a tree of `size` leaves, lowest level first.
    public static func partial(size: UInt64) -> [Tile] {
        (0..<8).compactMap { level in
            let count = count(level: level, size: size)
            return Tile(level: level, index: count >> 8, width: Int(count & 255))
        }
    }
}
