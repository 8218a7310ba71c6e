/// The spent part of a slice.
package struct SliceState: Sendable {
    /// Of all that was lent.
    package let spent: Int64
    package let lent: Int64
    /// To whom it was lent, for the registry.
    package let holder: UInt64
}

/// Slices of budgets: their word is what was spent, which only reservations raise and refunds lower; beside it stands what
/// the registry lent in all, which only grows. As both only ever count what is already durable, or taken, nothing is lost
/// where a process is killed between the two.
extension MetersPage {
    /// Finds a slice, or makes it: with nothing lent.
    ///
    /// - Parameter share: says where one that is made may stand.
    func slice(
        of key: MeterKey, until: Int64, at time: MeterTime, from share: MeterShare?
    ) throws(Denial) -> MeterSlot {
        try slot(of: key, .slice, until: until, at: time, from: share)
    }

    package func state(of slot: MeterSlot) throws(Denial) -> SliceState? {
        guard let pair = try read(slot) else { return nil }
        let loan = words.loan(slot.index)
        guard words.name(slot.index) & MeterName.mask == slot.name else { return nil }
        return SliceState(
            spent: Int64(clamping: pair.word), lent: Int64(clamping: loan.lent),
            holder: MeterLoan.drawn(loan.holder))
    }

    /// The outcome of a reservation.
    package enum Reserved: Sendable, Equatable {
        case taken
        /// So much more would have to be lent, to this holder.
        case short(Int64, of: UInt64, lent: Int64)
        /// The slice was given to another: it is to be found again.
        case moved
    }

    /// Reserves an amount, which is not negative.
    ///
    /// - Parameters:
    ///   - limit: of the budget now: more may have been lent under another.
    ///   - until: until when the slice is needed by now, in milliseconds since 1970.
    package func reserve(
        _ slot: MeterSlot, _ amount: Int64, limit: Int64 = .max, until: Int64 = 0
    ) throws(Denial) -> Reserved {
        for _ in 0..<Self.patience {
            guard let pair = try read(slot) else { return .moved }
            // After the pair, which stands until the swap: so the loan is this slice's. It only grows.
            let loan = words.loan(slot.index)
            let holder = MeterLoan.drawn(loan.holder)
            if let prolonged = MeterLoan.prolonged(loan.holder, until: until) {
                _ = words.swapLoan(slot.index, loan, for: (loan.lent, prolonged))
            }
            let (spent, isTooMuch) = pair.word.addingReportingOverflow(UInt64(clamping: amount))
            guard !isTooMuch, spent <= UInt64(clamping: limit) else {
                return .short(.max, of: holder, lent: Int64(clamping: loan.lent))
            }
            guard spent <= loan.lent else {
                return .short(Int64(clamping: spent - loan.lent), of: holder, lent: Int64(clamping: loan.lent))
            }
            if words.swap(slot.index, pair, for: slot.sealed(spent)) {
                countTurn()
                return .taken
            }
        }
        throw MeterPlaces.damaged("other processes change it all the time")
    }

    /// Gives back what was reserved and not spent.
    package func refund(_ slot: MeterSlot, _ amount: Int64) throws(Denial) {
        for _ in 0..<Self.patience {
            guard let pair = try read(slot) else { return }
            let rest = pair.word - min(pair.word, UInt64(clamping: amount))
            if words.swap(slot.index, pair, for: slot.sealed(rest)) { return }
        }
    }

    /// Counts what was spent beyond a reservation, whether it was lent or not; returns what then is spent.
    package func charge(_ slot: MeterSlot, _ amount: Int64) throws(Denial) -> Int64 {
        for _ in 0..<Self.patience {
            guard let pair = try read(slot) else { return 0 }
            let (sum, isTooMuch) = pair.word.addingReportingOverflow(UInt64(clamping: amount))
            let spent = isTooMuch ? UInt64(Int64.max) : min(sum, UInt64(Int64.max))
            if words.swap(slot.index, pair, for: slot.sealed(spent)) {
                countTurn()
                return Int64(clamping: spent)
            }
        }
        throw MeterPlaces.damaged("other processes change it all the time")
    }

    /// Gives up a slice whose subject has ended. What is left of its loan counts as spent: a guard that has not seen the end
    /// takes another from the registry.
    func giveUp(_ slot: MeterSlot) throws(Denial) {
        for _ in 0..<Self.patience {
            guard let pair = try read(slot) else { return }
            if words.swap(slot.index, pair, for: MeterPlaces.vacated(pair.name, header.key)) { return }
        }
    }

    /// Makes known what the registry has lent in all to a holder, once that is durable.
    package func lend(_ slot: MeterSlot, to holder: UInt64, inAll lent: Int64) {
        for _ in 0..<Self.patience {
            let loan = words.loan(slot.index)
            guard MeterLoan.isDrawn(loan.holder, holder), loan.lent < UInt64(clamping: lent) else { return }
            if words.swapLoan(slot.index, loan, for: (UInt64(clamping: lent), loan.holder)) { return }
        }
    }
}
