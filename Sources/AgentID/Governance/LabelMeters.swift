internal import Policy

/// Where the labels are that calls under one chain are decided by. A meter is made when a label is raised, not before:
/// what grants and proofs carry is read from them.
final class LabelMeters: Sendable {
    /// The task's, then those of isolated agents of the chain, from the root on.
    private let places: [MeterKey]
    private let raised: Int
    private let agent: MeterKey
    private let subjects: PolicySubjects
    private let page: MetersPage
    private let registry: any Registry

    init(of subjects: PolicySubjects, _ page: MetersPage, _ registry: any Registry) {
        places = subjects.labelPlaces.map { page.key(["labels"] + $0) }
        (raised, self.subjects, self.page, self.registry) = (subjects.raisedPlace, subjects, page, registry)
        agent = page.key(["labels"] + (subjects.names(of: .agent).first ?? []))
    }

    /// Those that are kept. What isolated agents learn is not among those of the agents above them; what these have learnt
    /// is among theirs.
    ///
    /// - Parameter expires: the latest time at which a call under the chain can be permitted, in milliseconds since 1970.
    func kept(until expires: Int64, at time: MeterTime) throws(Denial) -> LabelSet {
        var bits = try page.bits(of: agent, until: expires, at: time)
        for place in places { bits |= try page.bits(of: place, until: expires, at: time) }
        return LabelSet(rawValue: bits)
    }

    /// Raises labels of the task, or of the isolated agent that the chain is below.
    func raise(_ labels: LabelSet, at time: MeterTime) throws(Denial) {
        let name = subjects.labelPlaces[raised].last ?? ""
        try raise(labels, places[raised], raised == 0 ? .task : .agent, name, at: time)
    }

    /// Raises labels of the agent alone.
    func raiseOwn(_ labels: LabelSet, at time: MeterTime) throws(Denial) {
        try raise(labels, agent, .agent, subjects.names(of: .agent).first?.last ?? "", at: time)
    }

    @inline(never) private func raise(
        _ labels: LabelSet, _ key: MeterKey, _ subject: Subject, _ name: String, at time: MeterTime
    ) throws(Denial) {
        guard !labels.isEmpty else { return }
        let until = time.milliseconds + PolicyLimits.kept
        let share = MeterShare(subjects, subject, name, for: PolicyLimits.kept, page, registry)
        let slot = try page.slot(of: key, .labels, until: until, at: time, from: share)
        try page.raise(slot, bits: labels.rawValue, until: until, at: time)
    }

    /// The labels of the places above the agent's own, which it cannot be rid of by itself.
    func above(of agent: String, at time: MeterTime) throws(Denial) -> LabelSet {
        var bits: UInt64 = 0
        for (place, name) in zip(places, subjects.labelPlaces) where name.last?.isSame(as: agent) != true {
            bits |= try page.bits(of: place, until: 0, at: time)
        }
        return LabelSet(rawValue: bits)
    }

    /// Takes labels away from what is the agent's own, and from the places that it is the head of.
    func lower(_ labels: LabelSet, of agent: String, at time: MeterTime) throws(Denial) {
        _ = try page.lower(self.agent, bits: labels.rawValue, at: time)
        for (place, name) in zip(places, subjects.labelPlaces) where name.last?.isSame(as: agent) == true {
            _ = try page.lower(place, bits: labels.rawValue, at: time)
        }
    }
}
