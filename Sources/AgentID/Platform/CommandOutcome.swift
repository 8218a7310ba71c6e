internal import CProcess
internal import Glibc

/// The outcome of running a command for a hook.
enum CommandOutcome: Equatable, Sendable, CustomStringConvertible {
    /// It ended with status 0.
    case succeeded
    /// It ended otherwise. `errors` is the start of its standard error.
    case failed(CommandEnding, errors: String)
    /// It ran past its deadline and was killed.
    case timedOut
    /// The host stopped it.
    case stopped
    /// It never ran, for this reason given by the system.
    case cannotStart(errno: Int32)

    /// The outcome, for people.
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

/// The way a process ended.
enum CommandEnding: Equatable, Sendable, CustomStringConvertible {
    case status(Int32)
    case signal(Int32)
    /// Its keeper was killed, and the command with it.
    case unknown

    /// Reads the status that `waitpid` returns.
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
