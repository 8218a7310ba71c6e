/// Changes that are in force in this process alone until they can be written: each once, as it was made first.
struct UnwrittenChanges {
    private(set) var entries: [JournalEntry] = []
    /// The most that are kept. Each was answered with an error, so that its caller can make it again.
    static let most = 4096

    /// Adds what is not there yet, and returns how many had no room.
    ///
    /// A program that ends one agent again and again on a full disk takes no other's place.
    mutating func add(_ more: [JournalEntry], most: Int = Self.most) -> Int {
        var left = 0
        for entry in more where !entries.contains(where: { $0.change == entry.change }) {
            if entries.count < most { entries.append(entry) } else { left += 1 }
        }
        return left
    }

    mutating func takeSuspension(of agent: String) -> [JournalEntry] {
        let taken = entries.filter { $0.change == .suspend(agent: agent) }
        if !taken.isEmpty { entries.removeAll { $0.change == .suspend(agent: agent) } }
        return taken
    }

    static func tell(left: Int) {
        ProcessLog.write(
            .error, .directory, "not_kept",
            "\(left) of more than \(most) revocations, suspensions and ends that cannot be written are not tried again: they are "
                + "in force in this process alone, make them again")
    }
}
