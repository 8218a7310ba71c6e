internal import StrictJSON

/// A callback or command that runs on lifecycle events: at least once for each, until it succeeds or its attempts are
/// used up.
public struct Hook: Sendable {
    /// The action of a hook.
    public enum Action: Sendable {
        /// Receives the event (`docs/schemas/event.json`) on a thread of its own, one at a time. If it throws, the
        /// event comes again later.
        case callback(@Sendable (_ event: String) throws -> Void)
        /// A program, by its path, and its arguments. Gets the event on stdin; exit status 0 is done.
        case command([String])
    }

    /// The permanent name of the hook: its waiting events find it by this name after a restart.
    public var name: String
    /// The action.
    public var action: Action
    /// The events on which it runs.
    public var events: Set<LifecycleEvent.Name>
    /// The longest time of one attempt, in seconds. Then a command is killed; a callback's event is delivered again.
    public var deadline: Int64
    /// The number of attempts before a delivery is dead.
    public var maxAttempts: Int64

    /// A hook; without `events`, on all but renewals.
    public init(
        _ name: String, on events: Set<LifecycleEvent.Name> = LifecycleEvent.Name.usual, deadline: Int64 = 10,
        maxAttempts: Int64 = 12, action: Action
    ) {
        (self.name, self.action, self.events) = (name, action, events)
        (self.deadline, self.maxAttempts) = (deadline, maxAttempts)
    }

    /// The reason why a command cannot be stored, read back, or run; `nil` if it can.
    static func fault(in words: [String]) -> String? {
        guard words.first?.starts(exactly: "/") == true else {
            return "a command starts with the absolute path of a program"
        }
        guard words.count <= 64, words.allSatisfy({ $0.utf8.count <= 4096 && !$0.utf8.contains(0) }) else {
            return "a command has at most 64 words of 4096 bytes, without NUL"
        }
        // In its stored form, where a control character takes six bytes: one that is not read back would stop every
        // event.
        guard JSONTree.array(words.map { .string($0) }).canonical().count <= Self.longestCommand else {
            return "a command has at most \(Self.longestCommand) bytes, as JSON"
        }
        return nil
    }

    /// In bytes: all words together, as JSON.
    static let longestCommand = 256 << 10

    /// The record that registers it.
    func record() throws(AgentIDError) -> HookRecord {
        func refuse(_ name: String, _ message: String) -> AgentIDError {
            AgentIDError(.argument, name: "hook", message: message, at: "hook.\(name)")
        }
        let isName = name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } && (1...128).contains(name.utf8.count)
        guard isName else { throw refuse("name", "a hook's name is 1 to 128 printable ASCII characters") }
        guard !events.isEmpty else { throw refuse("events", "a hook is for one event at least") }
        guard HookRecord.deadlines.contains(deadline) else { throw refuse("deadline", "a deadline is 1 to 3600 s") }
        guard HookRecord.attempts.contains(maxAttempts) else { throw refuse("max_attempts", "1 to 1000 attempts") }
        var command: [String] = []
        if case .command(let words) = action {
            if let fault = Self.fault(in: words) { throw refuse("command", fault) }
            command = words
        }
        return HookRecord(
            name: name, kind: command.isEmpty ? .callback : .command, events: events.map(\.rawValue).inByteOrder(),
            command: command, deadline: deadline, maxAttempts: maxAttempts)
    }
}
