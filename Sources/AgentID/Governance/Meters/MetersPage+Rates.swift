package import Policy

// Rates: their word is an arrival time.
extension MetersPage {
    /// Takes one call from a rate; returns in how many milliseconds it could be taken where it cannot now.
    package func take(_ slot: MeterSlot, _ rate: GCRA, at time: MeterTime) throws(Denial) -> Int64? {
        try take(slot, rate, at: time, from: nil)
    }

    func take(_ slot: MeterSlot, _ rate: GCRA, at time: MeterTime, from share: MeterShare?) throws(Denial) -> Int64? {
        takeAtOnce(slot, rate, at: time) ? nil : try takeSlowly(slot, rate, at: time, from: share)
    }

    /// Takes one call from a rate, where it is there and nobody else is at it.
    @inline(__always) func takeAtOnce(_ slot: MeterSlot, _ rate: GCRA, at time: MeterTime) -> Bool {
        let pair = (name: words.name(slot.index), word: words.word(slot.index))
        guard slot.sealed(pair.word).name == pair.name,
            case .taken(let word) = rate.take(from: pair.word, now: time.milliseconds)
        else { return false }
        return words.swap(slot.index, pair, for: slot.sealed(word))
    }

    /// The same where another was faster, the meter moved, or it is not to be had.
    @inline(never) private func takeSlowly(
        _ slot: MeterSlot, _ rate: GCRA, at time: MeterTime, from share: MeterShare?
    ) throws(Denial) -> Int64? {
        var slot = slot
        for _ in 0..<Self.patience {
            guard let pair = try read(slot) else {
                slot = try self.slot(of: slot.key, .rate, at: time, from: share)
                share?.lastPlace = slot.index
                continue
            }
            switch rate.take(from: pair.word, now: time.milliseconds) {
            case .taken(let word):
                if words.swap(slot.index, pair, for: slot.sealed(word)) { return nil }
            case .wait(let wait): return wait
            case .ahead:
                // The time was read before the word, and others may be later: only one that is read now says so.
                let now = max(clock.fresh(else: time.milliseconds, words), time.milliseconds)
                // Another process may be so much ahead, and its word right.
                guard case .ahead = rate.take(from: pair.word, now: now &+ MetersClock.tolerance),
                    case .ahead(let word, let wait) = rate.take(from: pair.word, now: now)
                else { return max(rate.wait(under: pair.word, now: now), 1) }
                if words.swap(slot.index, pair, for: slot.sealed(word)) { return wait }
            }
        }
        throw MeterPlaces.damaged("other processes change it all the time")
    }

    /// Gives back a call that was taken, but for what may have flowed off since.
    ///
    /// - Parameters:
    ///   - time: when it was taken.
    ///   - clock: tells the time; where it cannot, nothing is given back.
    func giveBack(_ slot: MeterSlot, _ rate: GCRA, since time: MeterTime, by clock: CheckedClock) throws(Denial) {
        for _ in 0..<Self.patience {
            // Another meter's by now: this one was full again.
            guard let pair = try read(slot) else { return }
            // After the word: what others took of it, they took before.
            guard let now = try? clock.now() else { return }
            let elapsed = max(try look(now).milliseconds - time.milliseconds, 0)
            if words.swap(slot.index, pair, for: slot.sealed(rate.giveBack(to: pair.word, after: elapsed))) { return }
        }
    }
}
