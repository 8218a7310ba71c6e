import AgentID
import StrictJSON

/// A fault and its remedy.
struct Trouble: Error {
    let text: String
    let remedy: String

    init(_ text: String, remedy: String) { (self.text, self.remedy) = (text, remedy) }
}

/// The result of one check.
struct Finding {
    let what: String
    let place: String
    /// The fault; `nil` if there is none.
    let trouble: Trouble?

    /// - Parameter remedy: for a fault that brings none of its own; `nil`: by the fault's name.
    init(of what: String, at place: String, remedy: String? = nil, _ check: () throws -> Void) {
        (self.what, self.place) = (what, place)
        do {
            try check()
            trouble = nil
        } catch let error as Trouble {
            trouble = error
        } catch let error as AgentIDError {
            trouble = Trouble(error.message, remedy: remedy ?? Self.remedy(of: error))
        } catch {
            trouble = Trouble(
                "\(error)", remedy: remedy ?? "see that \(place) is there, and that its owner may read it")
        }
    }

    /// Remedies of errors that any look at a directory may meet.
    private static func remedy(of error: AgentIDError) -> String {
        switch error.name {
        case "permission_denied", "directory_owner", "unsafe_permissions":
            "run agentidctl as the owner of the directory, or chown what is in it to that owner, and chmod go= it"
        case "unsafe_file": "find out who put it there, then remove it, or put the file itself in its place"
        case "registry_corrupt", "no_registry": "stop what uses it and restore a backup: see docs/backup.md"
        case "registry_busy", "directory_busy": "end that process; if it was stopped on purpose, let it go on"
        case "disk_full": "make room on the disk, or move the directory"
        case "read_only": "make the disk, the directory and its files writable by their owner"
        case "directory_replaced", "registry_replaced", "registry_rolled_back", "journal_missing",
            "journal_damaged", "journal_rolled_back", "audit_replaced", "audit_rolled_back":
            "end what has the directory open, put the newest of all of it in its place, then: agentidctl restored"
        case "key_missing", "key_file": "restore it from a backup, or as docs/backup.md says"
        case "older_registry":
            "if it was restored from a backup: agentidctl restored; else open the authority once, as agentidctl reap does"
        case "file" where error.message.utf8.starts(with: "\(error.place) is gone".utf8):
            "open the authority once, as agentidctl reap does"
        default: "see the name \(error.name) in docs/errors.md"
        }
    }

    var document: JSONTree {
        [
            "what": .string(what), "where": .string(place), "trouble": trouble.map { .string($0.text) } ?? .null,
            "remedy": trouble.map { .string($0.remedy) } ?? .null,
        ]
    }

    func show() {
        guard let trouble else { return Console.data("\(Console.coloured("ok", .green))  \(what)") }
        Console.data("\(Console.coloured("wrong", .red))  \(what): \(trouble.text) (\(place))")
        Console.data("       \(trouble.remedy)")
    }
}
