internal import CProcess
internal import Glibc

/// How running a command for a hook ended.
enum CommandOutcome: Equatable, Sendable, CustomStringConvertible {
    /// It ended with status 0.
    case succeeded
    /// It ended otherwise; `errors` is the start of what it wrote to standard error.
    case failed(CommandEnding, errors: String)
    /// It ran past its deadline and was killed.
    case timedOut
    /// It was stopped from this side.
    case stopped
    /// It never ran, for this reason of the system's.
    case cannotStart(errno: Int32)

    /// What happened, for people.
    var description: String {
        switch self {
        case .succeeded: "the command succeeded"
        case .failed(let ending, let errors):
            "the command \(ending)" + (errors.isEmpty ? " and wrote no errors" : ": \(errors)")
        case .timedOut: "the command ran past its deadline and was killed"
        case .stopped: "the command was stopped"
        case .cannotStart(let number):
            unsafe "the command cannot be started: \(String(cString: strerror(number)))"
        }
    }
}

/// How a process ended.
enum CommandEnding: Equatable, Sendable, CustomStringConvertible {
    case status(Int32)
    case signal(Int32)
    /// Its keeper was killed, and the command with it.
    case unknown

    /// What `waitpid` says.
    init(waitStatus: Int32) {
        let signal = waitStatus & 0x7F
        self = signal == 0 ? .status(waitStatus >> 8 & 0xFF) : .signal(signal)
    }

    var description: String {
        switch self {
        case .status(let status): "ended with status \(status)"
        case .signal(let signal): "was ended by signal \(signal)"
        case .unknown: "was killed with the process that kept it"
        }
    }
}
