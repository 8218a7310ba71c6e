internal import Policy
internal import StrictJSON

/// Counts the signs that an agent has gone astray: each anomaly of a policy has one meter for the agent, or one for it and
/// each agent above it.
///
/// Meters are made as signs come, each on its own: whoever fills the places that its own meters may have is not rid of those
/// above. A sign of an agent whose meter finds no place is counted for the nearest agent above that has one.
final class AnomalyCounting: Sendable {
    private struct Counter: Sendable {
        let rule: Int
        let sign: Anomaly.Sign
        let meter: GCRA
        /// Whether agents above have a sign counted too that was counted for one below.
        let countsAbove: Bool
        /// From the agent up to the root.
        let meters: [(key: MeterKey, share: MeterShare)]
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
        var counters: [Counter] = []
        for place in policy.anomalies {
            let rule = policy.document.rules[place]
            guard case .anomaly(let anomaly) = rule.effect else { continue }
            var places: [(key: MeterKey, share: MeterShare)] = []
            for holder in subjects.holders(of: .subtree) {
                let share = MeterShare(subjects, .agent, holder.last ?? "", meters.registry)
                let name = ["anomaly", rule.id.string, anomaly.subject.rawValue] + holder.dropFirst()
                places.append((page.key(name, in: share.range), share))
            }
            counters.append(
                Counter(
                    rule: place, sign: anomaly.sign, meter: anomaly.rate.meter,
                    countsAbove: anomaly.subject == .subtree, meters: places))
        }
        (self.policy, self.counters, self.page) = (policy, counters, page)
    }

    /// An estimate of the memory that it takes, in bytes.
    var size: Int { counters.reduce(256) { $0 + 128 + $1.meters.count * (64 + MeterShare.size) } }

    /// Counts a sign of each of these kinds; returns the gravest line that is crossed, one that is enforced before one that
    /// is only observed.
    func count(_ signs: [Anomaly.Sign], now: Int64) throws(Denial) -> Crossing? {
        let time = try page.look(now)
        var crossed: Crossing?
        var lost: Denial?
        for counter in counters where signs.contains(counter.sign) {
            let rule = policy.document.rules[counter.rule]
            // The highest agent whose meter is full: all below it stop with it.
            var highest: Int?
            var (isCounted, failure) = (false, Denial?.none)
            for i in counter.meters.indices where counter.countsAbove || !isCounted {
                do throws(Denial) {
                    if try take(counter, i, at: time) { highest = i }
                    isCounted = true
                } catch { failure = error }
            }
            if !isCounted { lost = failure }
            guard let highest else { continue }
            let crossing = Crossing(rule: rule, above: highest)
            if let known = crossed, known.gravity >= crossing.gravity { continue }
            crossed = crossing
        }
        if crossed == nil, let lost { throw lost }
        return crossed
    }

    /// Whether one meter is full.
    private func take(_ counter: Counter, _ place: Int, at time: MeterTime) throws(Denial) -> Bool {
        let (key, share) = counter.meters[place]
        let slot = try page.slot(of: key, .rate, at: time, from: share)
        return try page.take(slot, counter.meter, at: time, from: share) != nil
    }
}

extension AnomalyCounting.Crossing {
    fileprivate var gravity: Int {
        let place = Consequence.allCases.firstIndex(of: rule.consequence) ?? 0
        return rule.mode == .enforce ? place + Consequence.allCases.count : place
    }
}
