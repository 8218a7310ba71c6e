/// The first word of a slot: which meter it is, and a checksum of it and of the second word.
///
/// 44 bits of the key, 4 bits of what the slot is, 16 bits of checksum. Which bucket it stands in says more of the key: two
/// meters that share a name are one in 2^38 of all pairs of buckets that are full, share one word, and only deny more.
enum MeterName {
    static let mask: UInt64 = ~0xFFFF
    /// Set while a claim is not confirmed: see ``MeterPlaces``.
    static let pending: UInt64 = 8 << 16
    /// Left by a claim that was given up: the slot may be taken.
    static let vacant: UInt64 = 7 << 16
    private static let kindMask: UInt64 = 15 << 16

    static func of(_ key: MeterKey, _ kind: MeterKind) -> UInt64 { key.bits.y & ~0xF_FFFF | kind.rawValue << 16 }

    /// The use of a slot, as its name says.
    enum Role: Equatable {
        case meter(MeterKind)
        case pending
        case vacant
        /// A later version's.
        case unknown
    }

    static func role(of name: UInt64) -> Role {
        let bits = name & kindMask
        if bits == vacant { return .vacant }
        if bits & pending != 0 { return .pending }
        return MeterKind(rawValue: bits >> 16).map { .meter($0) } ?? .unknown
    }

    /// A name's part in its checksums: as good as any secret number.
    static func salt(_ name: UInt64, _ secret: SIMD2<UInt64>) -> UInt64 {
        (name & mask ^ secret.x) &* (secret.y | 1)
    }

    /// A name with the checksum of the word that stands beside it: by accident right once in 65,536 times.
    @inline(__always) static func sealed(_ name: UInt64, _ word: UInt64, salt: UInt64) -> UInt64 {
        name | ((word ^ salt) &* 0x9E37_79B9_7F4A_7C15) >> 48
    }

    static func sealed(_ name: UInt64, _ word: UInt64, _ secret: SIMD2<UInt64>) -> UInt64 {
        sealed(name & mask, word, salt: salt(name, secret))
    }
}
