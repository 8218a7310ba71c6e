internal import Policy

/// Where the labels are that calls under one chain are decided by. A meter is made when a label is raised, not before:
/// what grants and proofs carry is read from them.
final class LabelMeters: Sendable {
    /// The task's, then those of isolated agents of the chain, from the root on.
    private let places: [MeterKey]
    private let raised: Int
    private let agent: MeterKey
    private let agentName: String
    private let subjects: PolicySubjects
    private let page: MetersPage
    private let registry: any Registry

    init(of subjects: PolicySubjects, _ page: MetersPage, _ registry: any Registry) {
        places = subjects.labelPlaces.map { page.key(["labels"] + $0, in: subjects.range(ofLabels: $0)) }
        (raised, self.subjects, self.page, self.registry) = (subjects.raisedPlace, subjects, page, registry)
        let own = subjects.names(of: .agent).first ?? []
        (agent, agentName) = (page.key(["labels"] + own, in: subjects.range(ofLabels: own)), own.last ?? "")
    }

    /// Those that are kept. What isolated agents learn is not among those of the agents above them; what these have learnt
    /// is among theirs.
    ///
    /// - Parameter expires: the latest time at which a call under the chain can be permitted, in milliseconds since 1970.
    func kept(until expires: Int64, at time: MeterTime) throws(Denial) -> LabelSet {
        var bits = try page.bits(of: agent, until: expires, at: time)
        for i in places.indices { bits |= try page.bits(of: places[i], until: expires, at: time) }
        return LabelSet(rawValue: bits)
    }

    /// Whether the rules need not be asked one by one: even if all of them matched the call, none would refuse it or add a
    /// label.
    ///
    /// - Parameters:
    ///   - carried: the labels that count beside those that are kept.
    ///   - shown: those of them that are to be kept by now.
    ///   - expires: as for ``kept(until:at:)``.
    func settle(
        _ rules: LabelsAtOnce, carrying carried: LabelSet, shown: LabelSet, until expires: Int64, at time: MeterTime
    ) throws(Denial) -> Bool {
        let lasting = time.milliseconds + PolicyLimits.kept
        let own = try page.labels(of: agent, until: expires, at: time)
        var isThere = own.hold(rules.agent, until: lasting)
        var bits = own.bits
        for i in places.indices {
            let kept = try page.labels(of: places[i], until: expires, at: time)
            if i == raised, !kept.hold(rules.task, until: lasting) { isThere = false }
            bits |= kept.bits
        }
        if rules.agent | rules.task | shown.rawValue != 0, !areOnDisk { return false }
        return isThere && bits & shown.rawValue == shown.rawValue && rules.permits(bits | carried.rawValue)
    }

    /// Makes the meters of labels that are about to be raised, without labels: or denies, with nothing raised.
    ///
    /// - Parameter expires: as for ``kept(until:at:)``.
    func prepare(task: Bool, agent: Bool, until expires: Int64, at time: MeterTime) throws(Denial) {
        let until = max(expires, time.milliseconds + 60_000)
        if task {
            let name = subjects.labelPlaces[raised].last ?? ""
            _ = try slot(places[raised], raised == 0 ? .task : .agent, name, until: until, at: time)
        }
        if agent { _ = try slot(self.agent, .agent, agentName, until: until, at: time) }
    }

    /// Raises labels of the task, or of the isolated agent that the chain is below.
    func raise(_ labels: LabelSet, at time: MeterTime) throws(Denial) {
        guard !labels.isEmpty else { return }
        let name = subjects.labelPlaces[raised].last ?? ""
        try raise(labels, places[raised], raised == 0 ? .task : .agent, name, at: time)
    }

    /// Whether those that are kept are on the disk, where they have to be.
    var areOnDisk: Bool { page.hasSyncedLabels }

    /// Raises labels of the agent alone.
    func raiseOwn(_ labels: LabelSet, at time: MeterTime) throws(Denial) {
        if !labels.isEmpty { try raise(labels, agent, .agent, agentName, at: time) }
    }

    @inline(never) private func raise(
        _ labels: LabelSet, _ key: MeterKey, _ subject: Subject, _ name: String, at time: MeterTime
    ) throws(Denial) {
        // A minute more: within it no call that adds the same has to write.
        let until = time.milliseconds + PolicyLimits.kept + 60_000
        let share = MeterShare(subjects, subject, name, registry)
        let slot = try page.slot(of: key, .labels, until: until, at: time, from: share)
        try page.raise(slot, bits: labels.rawValue, until: until, at: time, from: share)
    }

    private func slot(
        _ key: MeterKey, _ subject: Subject, _ name: String, until: Int64, at time: MeterTime
    ) throws(Denial) -> MeterSlot {
        let share = MeterShare(subjects, subject, name, registry)
        return try page.slot(of: key, .labels, until: until, at: time, from: share)
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
