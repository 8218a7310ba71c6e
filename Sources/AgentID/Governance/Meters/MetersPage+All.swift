package import Policy

/// A call of a rate.
package struct MeterDemand: Sendable {
    package let slot: MeterSlot
    package let rate: GCRA

    package init(_ slot: MeterSlot, _ rate: GCRA) { (self.slot, self.rate) = (slot, rate) }
}

/// Which of several demands was refused, and in how many milliseconds it would not be.
package struct MeterRefusal: Equatable, Sendable {
    package let index: Int
    package let wait: Int64
}

extension MetersPage {
    /// Takes one call from each of several rates, or from none; returns which refused.
    package func take(_ demands: [MeterDemand], at time: MeterTime) throws(Denial) -> MeterRefusal? {
        for (i, demand) in demands.enumerated() {
            let wait: Int64?
            do throws(Denial) { wait = try take(demand.slot, demand.rate, at: time) } catch {
                try giveBack(demands[..<i])
                throw error
            }
            guard let wait else { continue }
            try giveBack(demands[..<i])
            return MeterRefusal(index: i, wait: wait)
        }
        return nil
    }

    /// Gives back one call to each of several rates: what was decided after them denied.
    package func giveBack(_ demands: ArraySlice<MeterDemand>) throws(Denial) {
        for demand in demands { try giveBack(demand.slot, demand.rate) }
    }
}
