internal import Policy
internal import StrictJSON

// Most calls are ones that no rule is about, or that only count: they are decided without a look at their arguments.
extension ToolRules {
    enum AtOnce {
        /// No rule is about the tool.
        case nothing
        /// Each rate had a call left, and it was taken.
        case taken
        /// Nothing was taken: the rules are to be asked one by one.
        case ask
    }

    /// Takes a call from each rate, where rates of all calls are all there is.
    ///
    /// - Parameter now: in milliseconds since 1970.
    func takeAtOnce(at now: Int64) -> AtOnce {
        switch manner {
        case .none: return .nothing
        case .some: return .ask
        case .rates(let page):
            return page.with { page in
                guard let time = try? page.look(now) else { return .ask }
                let rates = rates.span
                for i in rates.indices {
                    guard page.takeAtOnce(rates[i].slot, rates[i].meter, at: time) else {
                        giveBack(i, page)
                        return .ask
                    }
                }
                return .taken
            }
        }
    }

    /// Gives back what ``takeAtOnce(at:)`` took.
    func giveBackAll() {
        if let page { giveBack(rates.count, page) }
    }

    private func giveBack(_ count: Int, _ page: MetersPage) {
        // What cannot be given back stays taken: that only denies more.
        for rate in rates.prefix(count) { try? page.giveBack(rate.slot, rate.meter) }
    }

    /// The questions that a call of a tool has to answer.
    enum Manner: Sendable {
        /// No rule is about the tool.
        case none
        /// Rates count all its calls, and no other rule is about it.
        case rates(Borrowed<MetersPage>)
        /// Every rule, one by one.
        case some
    }
}
