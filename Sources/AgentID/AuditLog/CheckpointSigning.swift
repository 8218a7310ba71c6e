internal import Glibc
internal import StrictJSON
internal import TransparencyLog

/// Signs checkpoints with a caller's signer, which may be remote or hang. It is never called while the log's lock is
/// held, and is waited for no longer than a limit.
///
/// The sequencer stops when it needs a signature, as if it had died there. The next process with the lock resumes the
/// step, comes to the same head, and finds it signed.
final class CheckpointSigning: Sendable {
    private struct State {
        /// The last signed head.
        var signed: (head: AuditSequence.Head, note: Result<[UInt8], AgentIDError>)?
        /// The head being signed.
        var running: AuditSequence.Head?
        /// The thread that the signer is called on.
        var thread: pthread_t?
    }

    private let key: NoteKey
    private let signer: any Signer
    private let state = Monitor(State())

    init(key: NoteKey, signer: any Signer) { (self.key, self.signer) = (key, signer) }

    /// The checkpoint of a head, if it was signed.
    func note(of head: AuditSequence.Head) -> [UInt8]? {
        state.change { state in
            guard let signed = state.signed, signed.head == head else { return nil }
            return try? signed.note.get()
        }
    }

    /// Signs a head. Throws if that fails or takes longer; a slow signature goes on, and the next call finds it.
    func sign(_ head: AuditSequence.Head, within milliseconds: Int) throws(AgentIDError) {
        let deadline = MonotonicClock.milliseconds + Int64(milliseconds)
        state.change { state in
            // A failed signature is tried again.
            if let signed = state.signed, (try? signed.note.get()) == nil { state.signed = nil }
        }
        while true {
            let left = Int(clamping: max(deadline - MonotonicClock.milliseconds, 0))
            let next = state.wait(milliseconds: left) { state -> Next? in
                if let signed = state.signed, signed.head == head { return .signed(signed.note) }
                guard state.running == nil else {
                    return state.thread.map { pthread_equal($0, pthread_self()) != 0 } == true ? .reentrant : nil
                }
                state.running = head
                return .start
            }
            switch next {
            case .signed(let note):
                _ = try note.get()
                return
            case .start: try start(head)
            case .reentrant:
                throw AgentIDError(
                    .state, name: "reentrant",
                    message: "the signer integrates the log while it signs the log's checkpoint: have it only sign",
                    at: "options.signer")
            case nil:
                throw AgentIDError(
                    .signer, name: "signer_timeout",
                    message: "the checkpoint is not signed yet: the signer does not answer; it is asked again",
                    at: "options.signer")
            }
        }
    }

    private enum Next {
        case signed(Result<[UInt8], AgentIDError>)
        case start
        case reentrant
    }

    private func start(_ head: AuditSequence.Head) throws(AgentIDError) {
        do throws(AgentIDError) {
            let thread = try BackgroundThread.start(name: "agentid-sign") { [key, signer, state] _ in
                state.change { $0.thread = pthread_self() }
                let note = Self.note(head, key: key, signer: signer)
                state.change { ($0.signed, $0.running, $0.thread) = ((head, note), nil, nil) }
            }
            // The thread ends by itself.
            thread.abandon()
        } catch {
            state.change { $0.running = nil }
            throw error
        }
    }

    static func note(
        _ head: AuditSequence.Head, key: NoteKey, signer: any Signer
    ) -> Result<[UInt8], AgentIDError> {
        let checkpoint = Checkpoint(origin: key.name, size: head.size, root: head.root)
        do { return .success(try checkpoint.signed(by: key) { try signer.sign($0) }) } catch {
            return .failure(
                AgentIDError(.signer, name: "signer_failed", message: "the checkpoint was not signed: \(error)"))
        }
    }
}

/// The results of one turn with the lock.
final class SequencerTurn {
    /// The head that must be signed before the sequencer can go on.
    var unsigned: AuditSequence.Head?
    /// Whether the last step has all that was there when the lock was taken.
    var hasAll = false
    /// The gaps found in committed steps.
    var gaps: [AuditGap] = []
}
