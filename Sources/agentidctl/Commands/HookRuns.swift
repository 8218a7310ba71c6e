import AgentID
import FoundationEssentials
import Glibc
import StrictJSON

extension Authority {
    /// Runs the commands of hooks that are due, then reports the deliveries that still wait, if any.
    ///
    /// The command's own work is done: a hook that fails causes a message, not an error.
    func runHooks() {
        do { try runDueHooks(seconds: 10) } catch {
            return Console.error(error, "hooks could not be run now: ")
        }
        tellWaitingHooks()
    }

    /// Reports on stderr the deliveries that wait for the commands of hooks.
    func tellWaitingHooks() {
        do {
            for hook in try waitingHooks() {
                let name = PrintableText(hook.name)
                Console.message(
                    "hook \(name): \(Console.count(hook.waiting, "delivery", "deliveries")) still waiting: "
                        + "see agentidctl hooks waiting")
            }
        } catch { Console.error(error, "hooks: ") }
    }

    /// Returns whether no delivery is due any more that a command can make.
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

    /// The hooks with a command and waiting deliveries.
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
    /// Parses the document for reading.
    func read() throws -> JSON.Value { try JSON(parsing: canonical(), limits: .init(bytes: 4 << 20)).root }
}
