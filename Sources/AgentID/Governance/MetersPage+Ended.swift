internal import Policy

extension MetersPage {
    /// The time that an agent's labels stay after its end, in milliseconds: a guard that has not seen the end still decides by
    /// them.
    static let keptAfterEnd: Int64 = 600_000

    /// Keeps labels no longer than that, unless their slot moves on meanwhile.
    fileprivate func release(_ key: MeterKey, at time: MeterTime) throws(Denial) {
        guard let slot = try found(key, .labels, at: time)?.index else { return }
        let (kept, until) = (words.until(slot), time.milliseconds + Self.keptAfterEnd)
        if kept > until { words.shorten(slot, from: kept, to: until) }
    }
}

extension MetersOpening {
    /// Lets the labels of ended agents go before their time, so that they leave room. Where it fails they lapse later.
    func release(ended agents: [String], now: Int64) {
        guard !agents.isEmpty, let page = pageInUse(now), let time = try? page.look(now) else { return }
        for agent in agents {
            for place in [
                [Subject.agent.rawValue, "", agent], [Subject.task.rawValue, "", agent],
                PolicySubjects.isolatedPlace(of: agent, ""),
            ] { try? page.release(page.key(["labels"] + place), at: time) }
        }
    }
}
