internal import Policy
internal import StrictJSON

// Most calls are ones that no rule is about, or that only count: they are decided without a look at their arguments.
extension ToolRules {
    enum AtOnce {
        /// No rule is about the tool.
        case nothing
        /// Each rate had a call left, which was taken, and no label is against it.
        case taken
        /// Nothing was taken: the rules are to be asked one by one.
        case ask
    }

    /// Takes a call from each rate, where there are but rates of all calls and labels, and these have nothing against it.
    ///
    /// - Parameters:
    ///   - now: in milliseconds since 1970.
    ///   - carried: the labels of grant and holder.
    ///   - shown: those of them that only the holder says: they are to be kept already.
    ///   - expires: when the chain does, in milliseconds since 1970.
    ///   - clock: tells what has flowed off of what is given back.
    func takeAtOnce(
        at now: Int64, carrying carried: LabelSet, shown: LabelSet, until expires: Int64, by clock: CheckedClock
    ) -> AtOnce {
        switch manner {
        case .none: return .nothing
        case .some: return .ask
        case .meters(let page, let labelled):
            return page.with { page in
                guard let time = try? page.look(now) else { return .ask }
                if let labelled {
                    guard labelled.with({ settle($0, carried, shown, expires, time) }) else { return .ask }
                }
                let rates = rates.span
                for i in rates.indices {
                    guard page.takeAtOnce(rates[i].slot, rates[i].meter, at: time) else {
                        giveBack(i, page, since: time, by: clock)
                        return .ask
                    }
                }
                return .taken
            }
        }
    }

    private func settle(
        _ meters: LabelMeters, _ carried: LabelSet, _ shown: LabelSet, _ expires: Int64, _ time: MeterTime
    ) -> Bool {
        (try? meters.settle(labelsAtOnce, carrying: carried, shown: shown, until: expires, at: time)) ?? false
    }

    /// Gives back what ``takeAtOnce(at:carrying:shown:until:by:)`` took.
    ///
    /// - Parameter now: when it was taken, in milliseconds since 1970.
    func giveBackAll(since now: Int64, by clock: CheckedClock) {
        if let page, let time = try? page.look(now) { giveBack(rates.count, page, since: time, by: clock) }
    }

    private func giveBack(_ count: Int, _ page: MetersPage, since time: MeterTime, by clock: CheckedClock) {
        for rate in rates.prefix(count) { rate.giveBack(to: page, since: time, by: clock) }
    }

    /// The questions that a call of a tool has to answer.
    enum Manner: Sendable {
        /// No rule is about the tool.
        case none
        /// Rates count all its calls, and labels may be against some: no other rule is about it.
        case meters(Borrowed<MetersPage>, Borrowed<LabelMeters>?)
        /// Every rule, one by one.
        case some
    }
}
