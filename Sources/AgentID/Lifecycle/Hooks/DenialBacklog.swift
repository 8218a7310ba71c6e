internal import StrictJSON

/// Denials that hooks are not told of yet: for each root grant its first ones, and the number of those after them.
///
/// By root grant, because whoever holds one makes up the names of agents below it. In all as many as there is room for:
/// those beyond are counted, and the next news says how many they were.
struct DenialBacklog {
    /// How many denials under one root grant wait one by one, here and in the registry for each hook.
    static let most = 16
    /// How many denials wait in all, and how many bytes they take, here and in the registry for each hook.
    static let mostInAll = 1024
    static let mostBytes = 1 << 20

    private(set) var events: [ExactText: [LifecycleEvent]] = [:]
    /// How many denials there was no room for, since it was last told.
    private(set) var omitted = 0
    private var load = Load()

    /// How many events there are, and how many bytes they take.
    struct Load {
        private(set) var count = 0
        private(set) var bytes = 0

        /// Adds an event of so many bytes, where there is room.
        mutating func add(_ size: Int) -> Bool {
            guard count < DenialBacklog.mostInAll, bytes + size <= DenialBacklog.mostBytes else { return false }
            (count, bytes) = (count + 1, bytes + size)
            return true
        }

        init(count: Int = 0, bytes: Int = 0) { (self.count, self.bytes) = (count, bytes) }
    }

    var isEmpty: Bool { events.isEmpty }

    /// Takes a denial in, or its number.
    ///
    /// - Parameter most: how many under one root grant are kept one by one.
    mutating func add(_ event: LifecycleEvent, most: Int = Self.most) {
        let key = event.source.exact
        let known = events[key]?.count ?? 0
        if known < most {
            guard load.add(event.size) else { return omit(event.count ?? 1) }
            events[key, default: []].append(event)
        } else {
            let before = events[key]?.last?.count ?? 1
            events[key]?[known - 1].count = before + (event.count ?? 1)
        }
    }

    /// Counts denials that nobody is told of one by one.
    mutating func omit(_ count: Int) { omitted += count }

    /// The number of those that there was no room for, which somebody else tells from now on.
    mutating func takeOmitted() -> Int {
        defer { omitted = 0 }
        return omitted
    }
}
