internal import JOSE
internal import Synchronization

/// This process's side of the audit log: its segments, and when they are durable.
///
/// A mutex around the copy, not a reservation by an atomic addition: with those, a process killed between reserving and
/// committing leaves a hole in front of lines that were acknowledged.
final class AuditAppender: Sendable {
    private struct State {
        var segment: AuditSegment?
        var position = AuditSegment.start
        /// Up to where an append to the segment does not fault: there its pages were made writable.
        var ready = AuditAppender.leastAhead
        /// How much was made ready the last time.
        var ahead = AuditAppender.leastAhead
        /// Whether the writer's thread was asked to make more ready.
        var isAsked = false
        /// The next segment, made ahead, and how much of it is ready.
        var spare: (segment: AuditSegment, ready: Int)?
        /// Full segments that are not known to be durable.
        var full: [AuditSegment] = []
        /// How many lines and bytes were appended.
        var lines: UInt64 = 0
        var bytes = 0
        /// A sync in the background that failed: the next caller is told.
        var broken: AgentIDError?
        var isClosed = false

        /// Whether half of what was made ready is used up.
        var isShort: Bool {
            guard let segment else { return false }
            return ready < segment.capacity && position > ready - ahead / 2
                || spare == nil && !isClosed && position > segment.capacity / 2
        }
    }

    private static let leastAhead = 64 << 10
    private static let mostAhead = 8 << 20

    private let directory: String
    private let options: AuditOptions
    private let clock: any Clock
    private let files: any AuditFiles
    private let owner: String
    private let made = Atomic<Int>(0)
    private let mark = ForkMark()
    private let state = Locked(State())
    private let commits = GroupCommit()
    private let failed = Atomic<Int>(0)

    init(directory: String, options: AuditOptions, clock: any Clock, files: any AuditFiles) throws(AgentIDError) {
        self.directory = directory
        self.options = options
        self.clock = clock
        self.files = files
        owner = UUIDv7.make(at: clock.milliseconds)
        let first = try makeSegment()
        first.touch(from: 0, count: Self.leastAhead)
        state.withLock { $0.segment = first }
    }

    /// Whether this is a child forked from the process that opened the log.
    var isInChild: Bool { mark.isInChild }

    /// How many lines could not be appended.
    var failures: Int { failed.load(ordering: .relaxed) }

    /// Whether the writer's thread is to ``prepare()`` now, before it would by itself.
    func append(_ line: Span<UInt8>) throws(AgentIDError) -> Bool {
        guard !mark.isInChild else {
            throw AgentIDError(
                .state, name: "forked", message: "this process was forked: open the audit log anew in the child",
                at: "audit")
        }
        guard !line.isEmpty, line.count <= options.maxLine else {
            throw AgentIDError(
                .limit, name: "audit_line", message: "a line has 1 to \(options.maxLine) bytes, this one \(line.count)",
                at: "audit")
        }
        do throws(AgentIDError) {
            let (number, isUrgent) = try state.withLock { state throws(AgentIDError) in
                let number = try add(line, &state)
                let isUrgent = !state.isAsked && state.isShort
                if isUrgent { state.isAsked = true }
                return (number, isUrgent)
            }
            if options.sync == .always { try commits.wait(for: number) { sync() } }
            return isUrgent
        } catch {
            if error.name == "audit_unavailable" { failed.add(1, ordering: .relaxed) }
            throw error
        }
    }

    private func add(_ line: Span<UInt8>, _ state: inout State) throws(AgentIDError) -> UInt64 {
        if let error = state.broken {
            state.broken = nil
            throw error
        }
        if let segment = state.segment, let next = segment.append(line, at: state.position) {
            state.bytes &+= next &- state.position
            state.position = next
        } else {
            guard !state.isClosed else {
                throw AgentIDError(.state, name: "closed", message: "the audit log is closed", at: "audit")
            }
            let (fresh, ready): (AuditSegment, Int)
            if let spare = state.spare { (fresh, ready) = spare } else { (fresh, ready) = (try makeSegment(), 0) }
            retire(&state)
            (state.segment, state.ready, state.spare) = (fresh, ready, nil)
            guard let next = fresh.append(line, at: AuditSegment.start) else {
                throw AuditSegment.unavailable("a line does not fit a segment", 0)
            }
            state.bytes &+= next &- AuditSegment.start
            state.position = next
        }
        state.lines &+= 1
        return state.lines
    }

    private func makeSegment() throws(AgentIDError) -> AuditSegment {
        let number = made.add(1, ordering: .relaxed).newValue
        return try AuditSegment(
            AuditSegmentName(owner: owner, number: number), in: directory, capacity: options.segmentSize & ~7,
            clock: clock, files: files)
    }

    private func retire(_ state: inout State) {
        guard let segment = state.segment else { return }
        segment.seal(at: state.position)
        state.full.append(segment)
        state.segment = nil
    }

    /// Makes durable what was appended so far; the number of the last line, and what went wrong.
    @discardableResult func sync() -> (covered: UInt64, error: AgentIDError?) {
        let (segments, lines) = state.withLock { ($0.full + ($0.segment.map { [$0] } ?? []), $0.lines) }
        for segment in segments {
            do throws(AgentIDError) { try segment.sync() } catch {
                // The kernel may have dropped what it could not write, and says so only once: nothing more goes there.
                state.withLock { state in
                    if state.segment === segment { retire(&state) }
                    state.full.removeAll { $0 === segment }
                }
                return (lines, error)
            }
        }
        state.withLock { state in state.full.removeAll { full in segments.contains { $0 === full } } }
        return (lines, nil)
    }

    /// What the writer's thread does now and then: syncs, and has room ready. Returns the bytes appended in all.
    func tend(since bytes: Int) throws(AgentIDError) -> Int {
        let now = state.withLock { $0.bytes }
        guard now != bytes else { return now }
        let error = options.sync == .always ? nil : sync().error
        if let error { state.withLock { $0.broken = error } }
        // A synced page faults at the next store: have it ready, and as many as were used since the last time, twice.
        state.withLock { state in
            state.ahead = min(max(Self.leastAhead, 2 * (now - bytes)), Self.mostAhead)
            (state.ready, state.isAsked) = (state.position, true)
        }
        try prepare()
        if let error { throw error }
        return now
    }

    /// Makes more ready, where half of it is used up: the more, the faster that was.
    func prepare() throws(AgentIDError) {
        let (segment, ready, ahead) = state.withLock { ($0.isAsked ? $0.segment : nil, $0.ready, $0.ahead) }
        guard let segment else { return }
        segment.touch(from: ready, count: ahead)
        let needsSpare = state.withLock { state in
            if state.segment === segment { state.ready = min(ready + ahead, segment.capacity) }
            state.ahead = min(2 * ahead, Self.mostAhead)
            return state.spare == nil && !state.isClosed && state.position > segment.capacity / 2
        }
        if needsSpare {
            let spare = try makeSegment()
            spare.touch(from: 0, count: ahead)
            state.withLock { state in
                // Meanwhile an appender may have made one itself, which then comes behind this one in the order.
                if state.spare == nil, let segment = state.segment, segment.name < spare.name {
                    state.spare = (spare, ahead)
                }
            }
        }
        state.withLock { $0.isAsked = false }
    }

    /// Seals and lets go of the segments, after a last sync.
    func close() -> AgentIDError? {
        state.withLock { state in
            state.isClosed = true
            retire(&state)
            state.spare = nil
        }
        return sync().error
    }
}
