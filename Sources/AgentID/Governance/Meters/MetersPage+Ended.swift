internal import Policy

extension MetersPage {
    /// The time that an agent's labels stay after its end, in milliseconds: a guard that has not seen the end still decides by
    /// them.
    static let keptAfterEnd: Int64 = 600_000

    /// Keeps labels no longer than that, unless their slot moves on meanwhile.
    func release(_ slot: MeterSlot, at time: MeterTime) throws(Denial) {
        let (kept, until) = (words.loan(slot.index), time.milliseconds + Self.keptAfterEnd)
        // Whose time that is: another took the slot if the labels had lapsed. Before it lapses nobody takes it.
        guard Int64(clamping: kept.lent) > until, try read(slot) != nil else { return }
        words.swapLoan(slot.index, kept, for: (UInt64(clamping: until), kept.holder))
    }
}

extension MetersOpening {
    /// Lets the labels and slices of budgets of ended agents go before their time, so that they leave room. Where it fails they
    /// lapse later.
    ///
    /// - Parameter opens: whether a page that is not open yet is opened, which may wait for another process for 5 s.
    func release(ended agents: [String], now: Int64, opens: Bool) {
        guard !agents.isEmpty, let page = pageInUse(now, opens: opens), let time = try? page.look(now) else { return }
        for agent in agents {
            for place in [
                [Subject.agent.rawValue, "", agent], [Subject.task.rawValue, "", agent],
                PolicySubjects.isolatedPlace(of: agent, ""),
            ] {
                let key = page.key(["labels"] + place, in: .agent)
                if let slot = try? page.found(key, .labels, at: time) { try? page.release(slot, at: time) }
            }
            for counter in (try? registry.read { try $0.counters(of: agent) }) ?? [] {
                guard let account = LoanNames.account(ofBudget: counter),
                    let slot = try? page.found(page.sliceKey([account], in: .agent), .slice, at: time)
                else { continue }
                try? page.giveUp(slot)
            }
        }
    }
}
