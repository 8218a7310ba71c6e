/// Whose meter it is: so it can stand in any bucket, or but in some. By its name alone, never by the chain that asks for it:
/// whoever looks for one meter looks in the same places.
enum MeterRange: Sendable {
    /// The authority's own: its principals, profiles, tasks.
    case own
    /// An agent's of this authority's chains: of its own where the registry has it, made up where not.
    case agent
    case authority(String)
}

/// The buckets that one meter can stand in, by its key: see ``MeterPlaces``.
///
/// The first quarter of the page is for the authority's own meters alone. Others have their places in the rest: agents that the
/// registry does not have in the second quarter, and in it the rights to them, see ``MeterRight``; what another authority
/// names in `ofAuthority` buckets of the second half. So nobody has more meters at once than fit there, whatever is named,
/// however long it is kept and by how many processes.
struct MeterBuckets {
    static let (ofBranch, ofRoot, ofAuthority) = (4, 16, 256)
    private static let ofAgent = 4
    private static let golden: UInt64 = 0x9E37_79B9_7F4A_7C15

    private let key: MeterKey
    private let all: Int
    /// 0: a page that is too small is not parted.
    private let quarter: Int
    /// The number of those that only an own meter takes: the first ones.
    let own: Int
    let count: Int

    init(_ key: MeterKey, of all: Int) {
        (self.key, self.all, quarter) = (key, all, Self.quarter(of: all))
        own = key.isForeign ? 0 : quarter == 0 ? 2 : 4
        count = own + (key.isOwn ? 0 : Self.ofAgent)
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
        let hash = Self.mixed(key.bits.x)
        guard key.isForeign else { return Self.inSecondQuarter(hash &+ Self.golden, turn, all) }
        let member = (hash &+ turn &* 73) & UInt64(Self.ofAuthority - 1)
        return Self.spread(Self.mixed(key.group), member, from: 2 &* quarter, all &- 2 &* quarter)
    }

    /// The buckets of the rights of one branch of a root.
    ///
    /// - Parameters:
    ///   - group: a hash of the root, and one of the branch.
    ///   - turn: below `ofBranch`.
    static func ofRights(_ group: SIMD2<UInt64>, _ turn: Int, of all: Int) -> Int {
        // An odd step: four that differ.
        let member = group.y &+ UInt64(truncatingIfNeeded: turn) &* (group.y >> 8 | 1)
        return inSecondQuarter(mixed(group.x), member & UInt64(ofRoot - 1), all)
    }

    private static func quarter(of all: Int) -> Int { all < 16 ? 0 : all / 4 }

    private static func inSecondQuarter(_ hash: UInt64, _ member: UInt64, _ all: Int) -> Int {
        let quarter = quarter(of: all)
        return spread(hash, member, from: quarter, quarter == 0 ? all : quarter)
    }

    /// From anywhere on by an odd step: in a room of a power of two, as pages have, no two members share a bucket.
    private static func spread(_ hash: UInt64, _ member: UInt64, from start: Int, _ room: Int) -> Int {
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
