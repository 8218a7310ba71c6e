internal import JOSE

/// The work of a log's own thread: it looks whether log and segment are still the ones that were opened, makes room for lines,
/// syncs them, writes counts of denials, and integrates. A fault goes into the notes, and the next round tries again.
struct AuditTending: ~Copyable {
    private let appender: AuditAppender
    private let sequencer: AuditSequencer?
    private let flood: AuditFlood
    private let notes: Locked<AuditNotes>
    private let options: AuditOptions
    private var place: AuditPlace
    /// Whether another log, or an older one, is in the place of this one.
    private var isApart = false
    private var lag = IntegrationLag()
    /// The bytes appended in all, at the last sync.
    private var appended = 0
    /// The times of the next sync and of the next checkpoint, in milliseconds of the steady clock.
    private var nextSync: Int64
    private var nextCheckpoint: Int64

    /// The interval of checks that the segment is still there, in milliseconds.
    private static let watch = 50

    init(
        _ appender: AuditAppender, _ sequencer: AuditSequencer?, _ flood: AuditFlood, in place: AuditPlace,
        _ options: AuditOptions, _ notes: Locked<AuditNotes>
    ) {
        (self.appender, self.sequencer, self.flood, self.place) = (appender, sequencer, flood, place)
        (self.options, self.notes) = (options, notes)
        nextSync = MonotonicClock.milliseconds
        nextCheckpoint = nextSync + Int64(options.checkpointInterval)
    }

    /// Works until the thread is told to end.
    mutating func run(on thread: BackgroundThread) {
        while true {
            nextSync += Int64(options.pause)
            // Woken by a process that appends faster than there is room.
            repeat {
                let left = nextSync - MonotonicClock.milliseconds
                guard thread.wait(milliseconds: min(max(1, Int(left)), Self.watch)) else { return }
                do throws(AgentIDError) { try lookAtPlace() } catch { note(error) }
                do throws(AgentIDError) { try makeRoom() } catch { note(error) }
            } while MonotonicClock.milliseconds < nextSync
            nextSync = MonotonicClock.milliseconds
            flood.flush(isLast: false) { [appender] line throws(AgentIDError) in _ = try appender.append(line.span) }
            do throws(AgentIDError) {
                appended = try appender.tend(since: appended)
                try integrate()
            } catch { note(error) }
        }
    }

    @inline(never)  // Once, and not in each place that fails.
    private func note(_ error: AgentIDError) { notes.withLock { $0.fail(error) } }

    private mutating func lookAtPlace() throws(AgentIDError) {
        let breach = try place.breach()
        if let breach {
            appender.stop(breach)
            note(breach)
        } else if isApart {
            appender.mend()
        }
        isApart = breach != nil
    }

    private func makeRoom() throws(AgentIDError) {
        try appender.prepare()
        let gap = try appender.watch(place.segments)
        defer { if let gap { notes.withLock { $0.add([gap]) } } }
        try appender.writeAgain()
    }

    /// Integrates where a checkpoint is due. Another directory that is in the place of this one, perhaps half copied, is left
    /// alone.
    private mutating func integrate() throws(AgentIDError) {
        guard let sequencer, !isApart, nextSync >= nextCheckpoint else { return }
        nextCheckpoint = nextSync + Int64(options.checkpointInterval)
        // A slow signer delays neither syncs nor room for lines: its answer is found next time.
        let outcome = try sequencer.integrate(waiting: 0, signature: 500, total: 500)
        if let line = lag.note(isBehind: outcome.isBusy) {
            ProcessLog.write(line.level, .auditIntegration, line.reason, line.message)
        }
        notes.withLock { $0.add(outcome.gaps) }
    }
}
