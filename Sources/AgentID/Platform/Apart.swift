/// Checks that a registry and the files next to it belong together: all of them carry one random epoch, and counts that
/// only grow.
///
/// A part whose count went back, or whose epoch differs, was replaced, removed or restored while processes had it open.
/// Nothing it says can be relied on, and it permits nothing.
enum Apart {
    static func directory(_ path: String, _ what: String) -> AgentIDError {
        error(
            "directory_replaced", "the directory \(what)",
            "put it back, or open the authority or guard anew where it is now", at: path)
    }

    static func registry(_ what: String, at path: String) -> AgentIDError {
        error("registry_replaced", what, again, at: path)
    }

    static func rolledBack(_ what: String, at path: String) -> AgentIDError {
        error("registry_rolled_back", "the registry is older than it was: \(what)", again, at: path)
    }

    static func journal(_ what: String, at path: String) -> AgentIDError {
        error("journal_rolled_back", "the journal \(what): revocations may be missing", again, at: path)
    }

    static func log(_ what: String, at path: String) -> AgentIDError {
        error("audit_replaced", "the audit log was removed or replaced: \(what)", again, at: path)
    }

    static func logRolledBack(_ what: String, at path: String) -> AgentIDError {
        error("audit_rolled_back", "the audit log is older than it was: \(what)", again, at: path)
    }

    private static let again =
        "end what has the directory open, put the newest of all of it in its place, run agentidctl restored, open anew"

    private static func error(_ name: String, _ what: String, _ remedy: String, at place: String) -> AgentIDError {
        AgentIDError(.state, name: name, message: "\(what): \(remedy)", at: place)
    }
}
