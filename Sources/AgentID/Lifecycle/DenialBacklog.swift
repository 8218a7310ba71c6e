internal import JOSE

/// Denials that hooks are not told of yet: for each agent its first ones, and the number of those after them.
struct DenialBacklog {
    /// How many denials of one agent wait one by one, here and in the registry for each hook.
    static let most = 16
    /// How many agents' denials wait here.
    static let mostAgents = 1024

    private(set) var events: [ExactText: [LifecycleEvent]] = [:]

    var isEmpty: Bool { events.isEmpty }

    /// Takes a denial in; `false` where there is no room even for a number.
    mutating func add(_ event: LifecycleEvent) -> Bool {
        let key = event.subject.exact
        guard events[key] != nil || events.count < Self.mostAgents else { return false }
        events[key, default: []].fold(event, most: Self.most)
        return true
    }

    mutating func removeAll() { events = [:] }
}

extension [LifecycleEvent] {
    /// Appends an event, or where there are `most` counts it with the last.
    mutating func fold(_ event: LifecycleEvent, most: Int) {
        guard count >= most, var last else { return append(event) }
        last.count = (last.count ?? 1) + (event.count ?? 1)
        self[count - 1] = last
    }
}
