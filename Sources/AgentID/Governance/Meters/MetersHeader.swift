/// The constant part of the first page of a ``MetersPage``.
typealias MetersHeader = SharedHeader<MetersFormat>

enum MetersFormat: SharedFormat {
    static var magic: (UInt64, UInt64) { (0x6469_746E_6567_6128, 0x2973_7265_7465_6D20) }  // "(agentid meters)"
    static var version: UInt64 { 2 }
    /// 64 MiB of meters.
    static var mostBuckets: Int { 1 << 16 }
    static var noun: String { "a page of meters" }
    static var errorName: String { "meters_damaged" }
    static var remedy: String {
        "end the guards that use this directory and remove the file; rates begin anew, and what was lent of budgets "
            + "counts as spent"
    }
}

extension SharedHeader<MetersFormat> {
    /// Where the slots begin: after a page, and pages with a byte for each bucket.
    var slotsOffset: Int { Self.size + (buckets + Self.size - 1) / Self.size * Self.size }
    var length: Int { slotsOffset + buckets * MetersPage.slotsPerBucket * MetersPage.slotSize }

    static var older: String { "is an older copy, which knows less than was spent and seen since" }
}
