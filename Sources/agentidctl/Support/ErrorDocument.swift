import AgentID
import Glibc
import Scopes
import StrictJSON

/// An error as `--json` writes it, in the same shape for all commands: `code`, `reason` and `message`, and where they are
/// known `path`, `rule` and `remedy`.
struct ErrorDocument {
    /// A status of the library, or `usage`, or `failed` for what the command itself found.
    let code: String
    private let reason: String
    private let message: String
    private var path: String?
    private var rule: String?
    private var remedy: String?

    /// - Parameter usage: The message of a wrong usage; then it is that.
    init(_ error: any Error, usage: String? = nil) {
        if let usage {
            (code, reason, message) = ("usage", "usage", usage)
            return
        }
        switch error {
        case let error as AgentIDError:
            (code, reason, message) = (error.code.name, error.name, error.message)
            path = error.place.isEmpty ? nil : error.place
        case let error as Fault:
            (code, reason, message) = (error.code, error.reason, error.description)
            (path, rule, remedy) = (error.path, error.rule, error.remedy)
        case let error as Denial:
            (code, reason, message) = ("denied", error.reason.rawValue, error.message)
            (path, rule) = (error.place.isEmpty ? nil : error.place, error.rule)
        case let error as ScopeError:
            (code, reason, message) = (error.isTooCostly ? "limit" : "scope", error.name, error.description)
        default:
            (code, reason, message) = ("failed", "failed", "\(error)")
        }
    }

    var tree: JSONTree {
        var members: JSONTree.Members = [
            "code": .string(code), "reason": .string(reason), "message": .string(message),
        ]
        for (name, text) in [("path", path), ("rule", rule), ("remedy", remedy)] {
            if let text { members[name] = .string(text) }
        }
        return .object(members)
    }
}

extension AgentIDError.Code {
    /// As `agentid_status_name` says it.
    var name: String {
        switch self {
        case .argument: "argument"
        case .malformed: "malformed"
        case .scope: "scope"
        case .notFound: "not_found"
        case .exists: "exists"
        case .state: "state"
        case .limit: "limit"
        case .io: "io"
        case .passphrase: "passphrase"
        case .signer: "signer"
        case .version: "version"
        default: "internal"
        }
    }
}

/// An error of the command line's own.
struct Fault: Error, CustomStringConvertible {
    let description: String
    var code = "failed"
    var reason = "failed"
    var path: String?
    var rule: String?
    var remedy: String?

    init(_ description: String) { self.description = description }

    /// An error that the library has a name for too.
    init(_ description: String, code: String, reason: String, path: String? = nil) {
        self.description = description
        (self.code, self.reason, self.path) = (code, reason, path)
    }

    static var noPolicy: Fault {
        Fault("no policy is in force: apply one", code: "not_found", reason: "no_policy", path: "policy")
    }

    /// The system's call that just failed on a file.
    ///
    /// - Parameter what: The failed work, e.g. `cannot be written`.
    init(file path: String, _ what: String = "") {
        let number = errno
        var text = (what.isEmpty ? "\(path): " : "\(path) \(what): ") + (unsafe String(cString: strerror(number)))
        code = "io"
        reason = "file"
        self.path = path
        if PermissionDenied.isMeant(by: number) {
            reason = PermissionDenied.name
            text += ": \(PermissionDenied.explanation(of: path))"
        } else if number == EEXIST {
            text += ", and is never overwritten: name another"
        } else if let (name, remedy) = DiskFailure.name(of: number) {
            (reason, self.remedy) = (name, remedy)
        }
        description = text
    }
}
