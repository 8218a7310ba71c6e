internal import Glibc
internal import JOSE

/// One run of a command for a hook: a JSON document on its standard input, a deadline, and nothing left behind.
///
/// The run is over when the command's own process has ended; whatever of its group is still there is killed then. The
/// host notices nothing: only this one child is waited for, and no signal is sent to the host or handled in it.
final class CommandRun: Sendable {
    /// Of what the command writes to standard error; the rest is read and thrown away.
    static let errorsKept = 4096
    /// How long a killed process may take to end before it is left to the kernel.
    private static let patience: Int64 = 5000
    /// The longest sleep before the process is looked at again, in milliseconds.
    private static let longestNap: Int64 = 50

    private enum Phase {
        case ready
        case running(pid_t)
        case ended
    }

    private struct State {
        var phase = Phase.ready
        var isStopped = false
    }

    private let command: [String]
    private let event: String
    private let document: [UInt8]
    private let milliseconds: Int64
    private let state = Locked(State())

    /// - Parameters:
    ///   - command: the program, found along `PATH` unless it has a slash, and its arguments.
    ///   - event: what the command finds in `AGENTID_EVENT`.
    ///   - milliseconds: how long it may take.
    init(_ command: [String], event: String, document: [UInt8], milliseconds: Int64) {
        (self.command, self.event, self.document) = (command, event, document)
        self.milliseconds = min(max(milliseconds, 0), 86_400_000)
    }

    /// Runs the command, once; returns when it has ended.
    func run() -> CommandOutcome {
        let errors: Descriptor
        do throws(CommandProcess.Failed) {
            guard let started = try start() else { return .stopped }
            errors = started
        } catch { return .cannotStart(errno: error.errno) }
        var text = ErrorText()
        let deadline = Self.now() + milliseconds
        var killed: (at: Int64, outcome: CommandOutcome)?
        var nap: Int64 = 1
        while true {
            let now = Self.now()
            if killed == nil {
                if isStopped { killed = (now, .stopped) } else if now >= deadline { killed = (now, .timedOut) }
                if killed != nil { kill() }
            }
            if let ending = reap() {
                text.read(errors)
                if ending == .status(0) { return .succeeded }
                return killed?.outcome ?? (isStopped ? .stopped : .failed(ending, errors: text.text))
            }
            if let killed, now - killed.at > Self.patience { return abandon(killed.outcome) }
            text.await(errors, milliseconds: killed == nil ? min(nap, deadline - now) : nap)
            nap = min(2 * nap, Self.longestNap)
        }
    }

    /// Kills the command, or sees to it that it never runs. From any thread; does not wait.
    func stop() {
        state.withLock { $0.isStopped = true }
        kill()
    }

    private var isStopped: Bool { state.withLock { $0.isStopped } }

    /// `nil` where the run was stopped before it began.
    private func start() throws(CommandProcess.Failed) -> Descriptor? {
        try state.withLock { state throws(CommandProcess.Failed) in
            guard !state.isStopped else { return nil }
            guard case .ready = state.phase else { throw CommandProcess.Failed(EALREADY) }
            state.phase = .ended
            let (process, errors) = try CommandProcess.start(command, event: event, document: document)
            state.phase = .running(process)
            return errors
        }
    }

    /// Kills the whole group. The process is not waited for yet, so its number is nobody else's.
    private func kill() {
        state.withLock { state in
            if case .running(let process) = state.phase { _ = Glibc.kill(-process, SIGKILL) }
        }
    }

    /// How the process ended, once it has; takes the rest of its group with it.
    private func reap() -> CommandEnding? {
        state.withLock { state in
            guard case .running(let process) = state.phase else { return .unknown }
            var information = unsafe siginfo_t()
            guard unsafe waitid(P_PID, id_t(process), &information, WEXITED | WNOHANG | WNOWAIT) == 0 else {
                guard errno == ECHILD else { return nil }
                // Someone took it: its number may already be another's, so nothing is killed any more.
                state.phase = .ended
                return .unknown
            }
            guard unsafe information.si_signo == SIGCHLD else { return nil }
            _ = Glibc.kill(-process, SIGKILL)
            var status: Int32 = 0
            let isReaped = unsafe waitpid(process, &status, 0) == process
            state.phase = .ended
            return isReaped ? CommandEnding(waitStatus: status) : .unknown
        }
    }

    /// Gives up a process that the kernel does not let die.
    private func abandon(_ outcome: CommandOutcome) -> CommandOutcome {
        state.withLock { $0.phase = .ended }
        return outcome
    }

    private static func now() -> Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}

/// The start of what a command writes to standard error.
private struct ErrorText {
    private var kept: [UInt8] = []
    private var buffer = [UInt8](repeating: 0, count: 16_384)
    private var isOpen = true

    /// Waits for more, and reads it.
    mutating func await(_ errors: Descriptor, milliseconds: Int64) {
        let milliseconds = Int32(clamping: milliseconds)
        if isOpen {
            errors.waitUntilReadable(milliseconds: milliseconds)
            read(errors)
        } else {
            poll(nil, 0, milliseconds)
        }
    }

    /// Reads what is there, but not for ever: who keeps writing has a deadline.
    mutating func read(_ errors: Descriptor) {
        for _ in 0..<8 where isOpen {
            guard let count = errors.read(into: &buffer) else { return }
            isOpen = count > 0
            kept += buffer.prefix(min(count, CommandRun.errorsKept - kept.count))
        }
    }

    /// As text for people: no escape sequence reaches their terminal.
    var text: String {
        let scalars = String(decoding: kept, as: UTF8.self).unicodeScalars.map { scalar in
            scalar.properties.generalCategory == .control && scalar != "\n" && scalar != "\t" ? "\u{FFFD}" : scalar
        }
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars)
        return String(text)
    }
}
