internal import JOSE

/// Names one meter: a keyed hash of a rule, a kind of subject and a subject. Made once, not at each call.
package struct MeterKey: Equatable, Sendable {
    let bits: SIMD2<UInt64>
    /// Whose places it may take: 0: its own; odd: those of another authority, which it names; 2: also those of agents that the
    /// registry does not have.
    let group: UInt64

    @inline(__always) var isOwn: Bool { group == 0 }
    @inline(__always) var isForeign: Bool { group & 1 == 1 }

    /// - Parameters:
    ///   - parts: what tells the meter from all others, in an order; told apart also where one ends as the next begins.
    ///   - range: whose it is.
    ///   - secret: of the page: nobody without it can choose where a meter lands, or two that share a place.
    init(_ parts: [String], in range: MeterRange = .own, secret: SIMD2<UInt64>) {
        bits = Self.hash(parts, secret)
        group =
            switch range {
            case .own: 0
            case .agent: 2
            case .authority(let name): Self.hash(["issuer", name], secret).x | 1
            }
    }

    static func hash(_ parts: [String], _ secret: SIMD2<UInt64>) -> SIMD2<UInt64> {
        var text: [UInt8] = []
        for part in parts {
            let count = UInt64(part.utf8.count)
            for i in 0..<8 { text.append(UInt8(truncatingIfNeeded: count >> (8 * UInt64(i)))) }
            text += part.utf8
        }
        return Sodium.sipHash(text.span, key: secret)
    }
}

/// The meaning of a meter's word.
package enum MeterKind: UInt64, Sendable {
    /// An arrival time: see ``GCRA``.
    case rate = 1
    /// A set of labels.
    case labels = 2
    /// The spent part of the registry's loan: see ``BudgetLedger``.
    case slice = 3
    /// Where another meter is: see ``MeterRight``.
    case right = 4
}

/// Where a meter was found. Good for ever: what moved meanwhile is looked for again.
package struct MeterSlot: Sendable {
    let key: MeterKey
    let kind: MeterKind
    /// Below the number of slots.
    private(set) var index: Int
    /// `false`: its meter may not have been made; this is its first place.
    private(set) var isMade: Bool
    /// The slot's name, as long as it is this meter's, and what that puts into its checksums.
    let name: UInt64
    let salt: UInt64

    init(_ key: MeterKey, _ kind: MeterKind, index: Int, isMade: Bool = true, secret: SIMD2<UInt64>) {
        (self.key, self.kind, self.index, self.isMade) = (key, kind, index, isMade)
        name = MeterName.of(key, kind)
        salt = MeterName.salt(name, secret)
    }

    func moved(to index: Int) -> MeterSlot {
        var slot = self
        (slot.index, slot.isMade) = (index, true)
        return slot
    }

    @inline(__always) func sealed(_ word: UInt64) -> (name: UInt64, word: UInt64) {
        (MeterName.sealed(name, word, salt: salt), word)
    }
}
