/// The holder of a slice's loan: a number that is drawn when the slot is claimed, so that no two claims
/// hold one loan; and until when it is needed, in days, which moves on with each day of use. Labels have a mark there, which no
/// slice has.
enum MeterLoan {
    private static let drawBits: UInt64 = 47
    private static let day: Int64 = 86_400_000

    static func draw(of nonce: UInt64) -> UInt64 {
        (nonce &* 0x9E37_79B9_7F4A_7C15) >> (64 - drawBits)
    }

    /// - Parameter until: in milliseconds.
    static func holder(_ draw: UInt64, until: Int64) -> UInt64 {
        min(UInt64(clamping: until / day + 1), 1 << 16 - 1) << drawBits | draw
    }

    static func isDrawn(_ holder: UInt64, _ draw: UInt64) -> Bool {
        holder != 0 && holder & marked == 0 && drawn(holder) == draw
    }

    /// The name that the loan is booked under, for as long as the slot is held.
    static func drawn(_ holder: UInt64) -> UInt64 { holder & (1 << drawBits - 1) }

    /// The same holder where it is needed for longer; `nil` where it is not.
    static func prolonged(_ holder: UInt64, until: Int64) -> UInt64? {
        let longer = self.holder(drawn(holder), until: until)
        return holder & marked == 0 && longer > holder ? longer : nil
    }

    /// The mark of labels, of one claim.
    static func mark(of nonce: UInt64) -> UInt64 { nonce &* 0x9E37_79B9_7F4A_7C15 | marked }

    private static let marked: UInt64 = 1 << 63

    /// In milliseconds.
    static func until(_ holder: UInt64) -> Int64 { Int64(clamping: (holder & ~marked) >> drawBits) * day }
}
