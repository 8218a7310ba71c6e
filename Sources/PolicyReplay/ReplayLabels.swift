internal import AgentID
internal import Policy

/// Where the labels of the calls under one chain are, as guards keep them: the task's, then those of the isolated agents
/// of the chain, and the agent's own.
struct ReplayLabels {
    private let places: [ReplayMeter]
    private let raised: Int
    private let agent: ReplayMeter
    /// Labels that rules require: they do not leave a quarantine.
    private let permitting: LabelSet

    init(of subjects: PolicySubjects, permitting: LabelSet, _ meters: inout ReplayMeters) {
        places = subjects.labelPlaces.map { meters.meter(.labels, ["labels"] + $0) }
        raised = subjects.raisedPlace
        agent = meters.meter(.labels, ["labels"] + (subjects.names(of: .agent).first ?? []))
        self.permitting = permitting
    }

    /// Labels that surely are there, and those that may be.
    func labels(at now: Int64) -> (sure: LabelSet, possible: LabelSet) {
        var all = agent.labels(at: now)
        for place in places {
            let (sure, possible) = place.labels(at: now)
            all = (all.sure.union(sure), all.possible.union(possible))
        }
        return all
    }

    /// Raises labels of the agent alone.
    func raiseOwn(_ sure: LabelSet, possible: LabelSet, at now: Int64) {
        agent.raise(sure, possible: possible, at: now)
    }

    /// Raises labels of the task, or of the isolated agent that the chain is below. Those above it may have joined them
    /// since, which no log says.
    func raise(_ sure: LabelSet, possible: LabelSet, at now: Int64) {
        places[raised].raise(sure, possible: possible, at: now)
        let leaving = sure.union(possible).subtracting(permitting)
        guard !leaving.isEmpty else { return }
        for place in places.prefix(raised) { place.raise([], possible: leaving, at: now) }
    }

    /// People took labels away from an agent of the own domain: from itself, and from what it is the head of.
    static func lower(_ labels: LabelSet, of agent: String, _ meters: inout ReplayMeters) {
        for name in [
            [Subject.agent.rawValue, "", agent], [Subject.task.rawValue, "", agent],
            PolicySubjects.isolatedPlace(of: agent, ""),
        ] {
            meters.meter(.labels, ["labels"] + name).lower(labels)
        }
    }
}
