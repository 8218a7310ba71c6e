internal import Policy
internal import StrictJSON

/// Counts the signs that an agent has gone astray: each anomaly of a policy has one meter for the agent, or one for it and
/// each agent above it.
final class AnomalyCounting: Sendable {
    private struct Counter: Sendable {
        let rule: Int
        let sign: Anomaly.Sign
        let meter: GCRA
        /// From the agent up to the root.
        let slots: [(slot: MeterSlot, share: MeterShare)]
    }

    /// A sign that was one too many.
    struct Crossing {
        let rule: PolicyRule
        /// How far above the agent stands whose meter it is: 0 for the agent itself.
        let above: Int
    }

    private let policy: ActivePolicy
    private let counters: [Counter]
    private let page: MetersPage

    init(
        _ policy: ActivePolicy, of subjects: PolicySubjects, _ meters: MetersOpening, now: Int64
    ) throws(Denial) {
        let page = try meters.page(now)
        let time = try page.look(now)
        var counters: [Counter] = []
        for place in policy.anomalies {
            let rule = policy.document.rules[place]
            guard case .anomaly(let anomaly) = rule.effect else { continue }
            var slots: [(slot: MeterSlot, share: MeterShare)] = []
            for name in subjects.holders(of: anomaly.subject) {
                let share = MeterShare(
                    subjects, .agent, name.last ?? "", for: anomaly.period, page, meters.registry)
                let key = page.key(["anomaly", rule.id.string] + name)
                slots.append((try page.slot(of: key, .rate, at: time, from: share), share))
            }
            counters.append(Counter(rule: place, sign: anomaly.sign, meter: anomaly.rate.meter, slots: slots))
        }
        (self.policy, self.counters, self.page) = (policy, counters, page)
    }

    /// Counts a sign of each of these kinds; returns the gravest line that is crossed, one that is enforced before one that
    /// is only observed.
    func count(_ signs: [Anomaly.Sign], now: Int64) throws(Denial) -> Crossing? {
        let time = try page.look(now)
        var crossed: Crossing?
        for counter in counters where signs.contains(counter.sign) {
            let rule = policy.document.rules[counter.rule]
            // The highest agent whose meter is full: all below it stop with it.
            var highest: Int?
            for i in counter.slots.indices
            where try page.take(counter.slots[i].slot, counter.meter, at: time, from: counter.slots[i].share) != nil {
                highest = i
            }
            guard let highest else { continue }
            let crossing = Crossing(rule: rule, above: highest)
            if let known = crossed, known.gravity >= crossing.gravity { continue }
            crossed = crossing
        }
        return crossed
    }
}

extension AnomalyCounting.Crossing {
    fileprivate var gravity: Int {
        let place = Consequence.allCases.firstIndex(of: rule.consequence) ?? 0
        return rule.mode == .enforce ? place + Consequence.allCases.count : place
    }
}
