internal import StrictJSON

/// Denials that hooks have not been told of yet: for each root grant its first ones, and the number of later ones.
///
/// They are counted by root grant, because its holder makes up the names of agents below it. The total is limited;
/// denials beyond it are counted, and the next event gives their number.
struct DenialBacklog {
    /// The most denials under one root grant that wait one by one, here and in the registry for each hook.
    static let most = 16
    /// The most denials that wait in all, and the most bytes they take, here and in the registry for each hook.
    static let mostInAll = 1024
    static let mostBytes = 1 << 20

    private(set) var events: [ExactText: [LifecycleEvent]] = [:]
    /// The number of denials dropped for lack of room since the last event.
    private(set) var omitted = 0
    private var load = Load()

    /// The number of events, and their size in bytes.
    struct Load {
        private(set) var count = 0
        private(set) var bytes = 0

        /// Adds an event of `size` bytes if there is room.
        mutating func add(_ size: Int) -> Bool {
            guard count < DenialBacklog.mostInAll, bytes + size <= DenialBacklog.mostBytes else { return false }
            (count, bytes) = (count + 1, bytes + size)
            return true
        }

        init(count: Int = 0, bytes: Int = 0) { (self.count, self.bytes) = (count, bytes) }
    }

    var isEmpty: Bool { events.isEmpty }

    /// Adds a denial, or counts it.
    ///
    /// - Parameter most: The most denials under one root grant that are kept one by one.
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

    /// Counts denials that are not reported one by one.
    mutating func omit(_ count: Int) { omitted += count }

    /// Returns the number of denials dropped for lack of room, and resets it; the caller reports them.
    mutating func takeOmitted() -> Int {
        defer { omitted = 0 }
        return omitted
    }
}
