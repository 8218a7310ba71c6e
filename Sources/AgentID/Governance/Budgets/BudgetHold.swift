internal import Synchronization

/// The amount reserved for one call, until its true cost is known. Settled once: what comes later changes nothing. Never
/// settled, it counts as spent.
package final class BudgetHold: Sendable {
    private let ledger: BudgetLedger
    let reserved: Int64
    private let accounts: [BudgetAccount]
    private let slots: [MeterSlot]
    private let isSettled = Atomic<Bool>(false)

    init(_ ledger: BudgetLedger, _ reserved: Int64, _ accounts: [BudgetAccount], _ slots: [MeterSlot]) {
        (self.ledger, self.reserved, self.accounts, self.slots) = (ledger, reserved, accounts, slots)
    }

    /// Settles it at what the call cost: the rest is given back. A cost above what was reserved is counted, and what it is
    /// too much denies later calls. `false` where it was settled before.
    ///
    /// - Parameter isBooking: whether what is beyond all loans is booked at once, not by ``book()`` or the next loan.
    @discardableResult package func commit(_ cost: Int64, booking isBooking: Bool = true) throws(Denial) -> Bool {
        guard isSettled.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged
        else { return false }
        try ledger.settle(reserved, at: max(cost, 0), accounts, slots, booking: isBooking)
        return true
    }

    /// Books what it cost beyond its reservation, where that failed before.
    func book() throws(Denial) { try ledger.book(accounts, slots) }

    /// Gives all of it back: the call did not cost anything. `false` where it was settled before.
    @discardableResult package func refund() throws(Denial) -> Bool { try commit(0) }
}

/// The outcome of a reservation.
package enum BudgetOutcome: Sendable {
    case reserved(BudgetHold)
    /// The budget of this index has only so much left.
    case exhausted(Int, left: Int64)
}
