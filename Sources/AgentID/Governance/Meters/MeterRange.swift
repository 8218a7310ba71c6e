/// Whose meter it is: so it can stand in any bucket, or but in those of one root or one other authority.
enum MeterRange: Sendable {
    /// The authority's own: its principals, profiles, tasks.
    case own
    /// An agent's below a root, with the name of the holder next to the root that it is or stands below: of its own where the
    /// registry has it, of the root where whoever may hand on has made it up.
    case below(root: String, branch: String)
    case authority(String)
}

/// The buckets that one meter can stand in, by its key. The same for all who look for it: see ``MeterPlaces``.
///
/// The first quarter of the page is for the authority's own meters alone. Others have their places in the rest: those of one
/// root in `ofRoot` buckets of the second quarter, of which each branch has `ofBranch`; those of another authority in
/// `ofAuthority` buckets of the second half. So nobody has more meters at once than fit there, whatever is named, however long
/// it is kept and by how many processes.
struct MeterBuckets {
    static let (ofBranch, ofRoot, ofAuthority) = (4, 16, 256)
    private static let golden: UInt64 = 0x9E37_79B9_7F4A_7C15

    private let key: MeterKey
    private let all: Int
    /// 0: a page that is too small is not parted.
    private let quarter: Int
    /// The number of those that only an own meter takes: the first ones.
    let own: Int
    let count: Int

    init(_ key: MeterKey, of all: Int) {
        (self.key, self.all, quarter) = (key, all, all < 16 ? 0 : all / 4)
        own = key.isForeign ? 0 : quarter == 0 ? 2 : 4
        count = own + (key.isOwn ? 0 : Self.ofBranch)
    }

    /// - Parameter place: below ``count``.
    @inline(__always) subscript(place: Int) -> Int {
        guard place < own else { return bound(UInt64(truncatingIfNeeded: place &- own)) }
        let first = Self.one(key.bits.x, of: all)
        switch place {
        case 0: return first
        case 1:
            let second = Self.one(key.bits.x &* Self.golden, of: all)
            return second == first ? (first &+ 1) % all : second
        case 2: return Self.one(Self.mixed(key.bits.x), of: quarter)
        default: return Self.one(Self.mixed(key.bits.x &* Self.golden), of: quarter)
        }
    }

    private func bound(_ turn: UInt64) -> Int {
        let (member, start, room): (UInt64, Int, Int)
        if key.isForeign {
            member = (Self.mixed(key.bits.x) &+ turn &* 73) & UInt64(Self.ofAuthority - 1)
            (start, room) = (2 &* quarter, all &- 2 &* quarter)
        } else {
            // An odd step: four that differ.
            member = (key.group.y &+ turn &* (key.group.y >> 8 | 1)) & UInt64(Self.ofRoot - 1)
            (start, room) = (quarter, quarter == 0 ? all : quarter)
        }
        // From anywhere on by an odd step: in a room of a power of two, as pages have, no two members share a bucket.
        let hash = Self.mixed(key.group.x)
        let place = (hash >> 32 &+ member &* (hash & 0xFFFF | 1)) % UInt64(truncatingIfNeeded: max(room, 1))
        return start &+ Int(truncatingIfNeeded: place)
    }

    private static func one(_ bits: UInt64, of count: Int) -> Int {
        Int(truncatingIfNeeded: bits.multipliedFullWidth(by: UInt64(truncatingIfNeeded: count)).high)
    }

    private static func mixed(_ bits: UInt64) -> UInt64 {
        var bits = (bits ^ bits >> 30) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ bits >> 27) &* 0x94D0_49BB_1331_11EB
        return bits ^ bits >> 31
    }
}
