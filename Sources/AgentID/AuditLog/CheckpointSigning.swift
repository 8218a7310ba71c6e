internal import StrictJSON
internal import TransparencyLog

/// Signs checkpoints with a caller's signer, which may be far away or hang: never while the log's lock is held, and
/// waited for so long and no longer.
///
/// The sequencer stops where it needs a signature, which is as if it had died there; whoever has the lock next takes the
/// step up again, comes to the same head, and finds it signed.
final class CheckpointSigning: Sendable {
    private struct State {
        /// The last that was signed.
        var signed: (head: AuditSequence.Head, note: Result<[UInt8], AgentIDError>)?
        /// What is being signed.
        var running: AuditSequence.Head?
    }

    private let key: NoteKey
    private let signer: any Signer
    private let state = Monitor(State())

    init(key: NoteKey, signer: any Signer) { (self.key, self.signer) = (key, signer) }

    /// The checkpoint of a head, where it was signed.
    func note(of head: AuditSequence.Head) -> [UInt8]? {
        state.change { state in
            guard let signed = state.signed, signed.head == head else { return nil }
            return try? signed.note.get()
        }
    }

    /// Has a head signed; throws where that failed, or takes longer: it goes on, and whoever asks again finds it.
    func sign(_ head: AuditSequence.Head, within milliseconds: Int) throws(AgentIDError) {
        let deadline = MonotonicClock.milliseconds + Int64(milliseconds)
        state.change { state in
            // What failed is tried again.
            if let signed = state.signed, (try? signed.note.get()) == nil { state.signed = nil }
        }
        while true {
            let left = Int(clamping: max(deadline - MonotonicClock.milliseconds, 0))
            let next = state.wait(milliseconds: left) { state -> Next? in
                if let signed = state.signed, signed.head == head { return .signed(signed.note) }
                guard state.running == nil else { return nil }
                state.running = head
                return .start
            }
            switch next {
            case .signed(let note):
                _ = try note.get()
                return
            case .start: try start(head)
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
    }

    private func start(_ head: AuditSequence.Head) throws(AgentIDError) {
        do throws(AgentIDError) {
            let thread = try BackgroundThread.start(name: "agentid-sign") { [key, signer, state] _ in
                let note = Self.note(head, key: key, signer: signer)
                state.change { ($0.signed, $0.running) = ((head, note), nil) }
            }
            // It ends by itself.
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

/// What the sequencer came to while it had the lock.
final class SequencerTurn {
    /// The head that must be signed before it can go on.
    var unsigned: AuditSequence.Head?
    /// What was found on the way, of steps that are committed.
    var gaps: [AuditGap] = []
}
