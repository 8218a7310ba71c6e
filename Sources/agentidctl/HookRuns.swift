import AgentID
import FoundationEssentials
import Glibc
import StrictJSON

extension Authority {
    /// Runs the commands of hooks that are due, and says what then still waits. Nothing where nothing waits.
    ///
    /// What was to be done is done: a hook that fails is a message, not an error.
    func runHooks() {
        do { try runDueHooks(seconds: 10) } catch {
            return Console.message("agentidctl: hooks could not be run now: \(error)")
        }
        tellWaitingHooks()
    }

    /// Says on stderr what waits for the commands of hooks.
    func tellWaitingHooks() {
        do {
            for hook in try waitingHooks() {
                let name = PrintableText(hook.name)
                Console.message(
                    "hook \(name): \(Console.count(hook.waiting, "delivery", "deliveries")) still waiting: "
                        + "see agentidctl hooks waiting")
            }
        } catch { Console.message("agentidctl: hooks: \(error)") }
    }

    /// Whether nothing is due any more that a command can deliver.
    @discardableResult
    func runDueHooks(seconds: Int, unless isOver: () -> Bool = { false }) throws -> Bool {
        guard try !waitingHooks().isEmpty else { return true }
        let end = Date(timeIntervalSinceNow: TimeInterval(seconds))
        return try Progress.showing("running hooks") { _ in
            while try !settle(milliseconds: 100) {
                if isOver() || Date() >= end { return false }
            }
            return true
        }
    }

    /// Hooks with a command that have something waiting.
    func waitingHooks() throws -> [(name: String, waiting: Int)] {
        try hooks().compactMap { hook in
            let hook = try hook.read()
            let waiting = hook["pending"]?.int ?? 0
            guard hook["kind"]?.equals("command") == true, waiting > 0 else { return nil }
            return (hook["name"]?.string ?? "", waiting)
        }
    }
}

extension JSONTree {
    /// The document, to be looked into.
    func read() throws -> JSON.Value { try JSON(parsing: canonical(), limits: .init(bytes: 4 << 20)).root }
}
