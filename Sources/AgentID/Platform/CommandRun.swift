internal import CProcess
internal import Glibc
internal import JOSE

/// One run of a command for a hook: a JSON document on its standard input, a deadline, and nothing left over.
///
/// The run is over when the command's own process has ended; processes that remain in its group are killed then. At its
/// deadline, on a stop, or when the host dies, it is killed with all its descendants. The host notices nothing: no
/// child of its own is waited for, and no signal is sent to the host or handled in it.
final class CommandRun: Sendable {
    /// The number of bytes of standard error that are kept; the rest is read and discarded.
    static let errorsKept = 4096
    /// The time that the keeper has after the deadline to report, in milliseconds. Then it is killed, and the command
    /// with it.
    private static let patience: Int64 = 5000

    private enum Phase {
        case ready
        case running(CommandProcess.Kept)
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
    ///   - command: The program, found along `PATH` unless it has a slash, and its arguments.
    ///   - event: The value of the command's `AGENTID_EVENT`.
    ///   - milliseconds: The longest time it may take.
    init(_ command: [String], event: String, document: [UInt8], milliseconds: Int64) {
        (self.command, self.event, self.document) = (command, event, document)
        self.milliseconds = min(max(milliseconds, 0), 86_400_000)
    }

    /// Runs the command, once. Returns when it has ended.
    func run() -> CommandOutcome {
        let deadline = Self.now() + milliseconds
        let kept: CommandProcess.Kept
        do throws(CommandProcess.Failed) {
            guard let started = try start(deadline) else { return .stopped }
            kept = started
        } catch { return .cannotStart(errno: error.errno) }
        var text = ErrorText()
        var patience = deadline + Self.patience
        while true {
            if let report = report(kept) {
                text.read(kept.errors)
                end(kept)
                return outcome(report, text.text)
            }
            let now = Self.now()
            if isStopped { patience = min(patience, now + Self.patience) }
            guard now < patience else {
                _ = Glibc.kill(kept.keeper, SIGKILL)
                end(kept)
                return isStopped ? .stopped : .timedOut
            }
            text.await(kept.errors, or: kept.control, milliseconds: patience - now)
        }
    }

    /// Waits for the keeper's report. A dead keeper reports nothing.
    private func report(_ kept: CommandProcess.Kept) -> cprocess_report? {
        var report = cprocess_report(what: 0, value: 0)
        let size = MemoryLayout<cprocess_report>.size
        while true {
            let count = unsafe recv(kept.control.number, &report, size, 0)
            if count == size { return report }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { return nil }
            return cprocess_report(what: 0, value: 0)
        }
    }

    private func outcome(_ report: cprocess_report, _ errors: String) -> CommandOutcome {
        switch Int(report.what) {
        case CPROCESS_ENDED:
            let ending = CommandEnding(waitStatus: report.value)
            if ending == .status(0) { return .succeeded }
            return isStopped ? .stopped : .failed(ending, errors: errors)
        case CPROCESS_TIMED_OUT: return .timedOut
        case CPROCESS_STOPPED: return .stopped
        case CPROCESS_CANNOT_START: return .cannotStart(errno: report.value)
        default: return .failed(.unknown, errors: errors)
        }
    }

    /// Kills the command, or prevents its start. From any thread; does not wait.
    func stop() {
        state.withLock { $0.isStopped = true }
        kill()
    }

    private var isStopped: Bool { state.withLock { $0.isStopped } }

    /// `nil` if the run was stopped before it began.
    private func start(_ deadline: Int64) throws(CommandProcess.Failed) -> CommandProcess.Kept? {
        try state.withLock { state throws(CommandProcess.Failed) in
            guard !state.isStopped else { return nil }
            guard case .ready = state.phase else { throw CommandProcess.Failed(EALREADY) }
            state.phase = .ended
            let kept = try CommandProcess.start(command, event: event, document: document, deadline: deadline)
            state.phase = .running(kept)
            return kept
        }
    }

    /// Tells the keeper to kill the command: the end of the connection is the message.
    private func kill() {
        state.withLock { state in
            if case .running(let kept) = state.phase { _ = shutdown(kept.control.number, Int32(SHUT_WR)) }
        }
    }

    /// Waits for the keeper to end. Nothing else reaps it, so no other process can have its number before.
    private func end(_ kept: CommandProcess.Kept) {
        state.withLock { $0.phase = .ended }
        while waitpid(kept.keeper, nil, Int32(CPROCESS_WALL)) < 0, errno == EINTR {}
    }

    private static func now() -> Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}

/// The start of a command's standard error.
private struct ErrorText {
    private var kept: [UInt8] = []
    private var buffer = [UInt8](repeating: 0, count: 16_384)
    private var isOpen = true

    /// Waits for more text, or for a message, and reads the text.
    mutating func await(_ errors: Descriptor, or control: Descriptor, milliseconds: Int64) {
        Descriptor.waitUntilReadable(
            isOpen ? [errors, control] : [control], milliseconds: Int32(clamping: milliseconds))
        read(errors)
    }

    /// Reads what is available, but not forever: a command that keeps writing meets its deadline.
    mutating func read(_ errors: Descriptor) {
        for _ in 0..<8 where isOpen {
            guard let count = errors.read(into: &buffer) else { return }
            isOpen = count > 0
            kept += buffer.prefix(min(count, CommandRun.errorsKept - kept.count))
        }
    }

    /// The text for people: no escape sequence reaches their terminal.
    var text: String {
        let scalars = String(decoding: kept, as: UTF8.self).unicodeScalars.map { scalar in
            scalar.properties.generalCategory == .control && scalar != "\n" && scalar != "\t" ? "\u{FFFD}" : scalar
        }
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars)
        return String(text)
    }
}
