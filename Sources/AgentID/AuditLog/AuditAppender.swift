internal import JOSE
internal import Synchronization

/// This process's side of the audit log: its segments, and their durability.
///
/// A mutex guards the copy. Reserving space with an atomic addition is not enough: a process killed between reserving
/// and committing would leave a hole in front of acknowledged lines.
final class AuditAppender: Sendable {
    private struct State {
        var segment: AuditSegment? { didSet { memory = segment?.memory } }
        /// The segment's memory.
        private(set) var memory: AuditSegmentMemory?
        var position = AuditSegmentMemory.start
        /// The end of the pages made writable: an append to the segment does not fault before it.
        var ready = AuditAppender.leastAhead
        /// The number of bytes made ready the last time.
        var ahead = AuditAppender.leastAhead
        /// Whether the writer's thread was asked to make more ready.
        var isAsked = false
        /// The next segment, made ahead, and the number of its bytes that are ready.
        var spare: (segment: AuditSegment, ready: Int)?
        /// The positions of templates in the segment.
        var templates = AuditTemplateTable()
        /// Full segments that are not known to be durable.
        var full: [AuditSegment] = []
        /// The number of lines and bytes appended.
        var lines: UInt64 = 0
        var bytes = 0
        /// Whether further segments have to wait.
        var pause = AuditPause()
        /// The error of a failed background sync; the next caller receives it.
        var broken: AgentIDError?
        var isClosed = false
        /// The reason for refusing appends until it is mended: the log was replaced, or is older than it was.
        var apart: AgentIDError?
        /// The end of what is known to be integrated of the segment.
        var integrated = AuditSegmentMemory.start
        /// Lines of segments that were removed, to be written again.
        var removed: ArraySlice<[UInt8]> = []

        mutating func advance(to next: Int) {
            bytes &+= next &- position
            position = next
            lines &+= 1
        }

        /// Whether half of the ready bytes are used up.
        var isShort: Bool {
            guard let memory else { return false }
            return ready < memory.capacity && position > ready - ahead / 2
                || spare == nil && !isClosed && position > memory.capacity / 2
        }
    }

    private static let leastAhead = 64 << 10
    private static let mostAhead = 8 << 20

    private let directory: String
    private let options: AuditOptions
    var isDurable: Bool { options.sync == .always }
    private let clock: any WallClock
    private let files: any AuditFiles
    private let owner: String
    private let made = Atomic<Int>(0)
    private let mark = ForkMark()
    private let state = Locked(State())
    private let commits = GroupCommit()
    private let failed = Atomic<Int>(0)
    private let log: SIMD2<UInt64>
    private let checkPlace: @Sendable () throws(AgentIDError) -> Void

    /// - Parameter checkPlace: Throws where the directory is no longer the log's.
    init(
        directory: String, log: SIMD2<UInt64>, options: AuditOptions, clock: any WallClock, files: any AuditFiles,
        checkPlace: @escaping @Sendable () throws(AgentIDError) -> Void
    ) throws(AgentIDError) {
        self.directory = directory
        (self.log, self.checkPlace) = (log, checkPlace)
        self.options = options
        self.clock = clock
        self.files = files
        owner = UUIDv7.make(at: clock.milliseconds)
        let first = try makeSegment()
        first.memory.touch(from: 0, count: Self.leastAhead)
        state.withLock { $0.segment = first }
    }

    /// Whether this is a child forked from the process that opened the log.
    var isInChild: Bool { mark.isInChild }

    /// The number of lines of a segment that was removed which are not written again.
    var vanished: Int { state.withLock { $0.removed.count } }

    /// The number of lines that could not be appended.
    var failures: Int { failed.load(ordering: .relaxed) }

    /// Appends a line. Returns whether the writer's thread should ``prepare()`` now instead of at its usual time.
    func append(_ line: Span<UInt8>) throws(AgentIDError) -> Bool {
        guard !line.isEmpty, line.count <= options.maxLine else {
            throw AgentIDError(
                .limit, name: "audit_line", message: "a line has 1 to \(options.maxLine) bytes, this one \(line.count)",
                at: "audit")
        }
        return try add { memory, position, _ in Written(memory.append(.line, line, at: position)) } ?? false
    }

    /// Appends the entry of a permitted call: its facts, preceded by their template if the segment does not have it
    /// yet.
    func append(_ facts: AuditFacts, _ context: AuditContext, _ mark: AuditMark) throws(AgentIDError) -> Bool {
        let most = context.bytes.count + mark.bytes.count + facts.text.count + 2 * AuditTemplate.mostAdded
        guard most <= options.maxLine else {
            let line = AuditTemplate(context.template(mark)).line(facts)
            return try append(line.span)
        }
        let key = AuditTemplateTable.Key(context, mark)
        return try ByteWriter.withBytes(facts.size, { facts.put(to: &$0) }) { facts throws(AgentIDError) in
            let isUrgent = try add { memory, position, templates in
                guard let template = templates.position(of: key, before: position) else { return .missing }
                return Written(memory.append(.facts, facts, of: template, at: position))
            }
            if let isUrgent { return isUrgent }
            return try append(facts, with: context.template(mark), key)
        }
    }

    private func append(
        _ facts: Span<UInt8>, with template: [UInt8], _ key: AuditTemplateTable.Key
    ) throws(AgentIDError) -> Bool {
        // Both or none: whatever follows a seal is taken for a torn tail.
        let size = AuditFrame.size(of: template.count) + AuditFrame.size(of: facts.count + 8)
        return try add { memory, position, templates in
            guard position + size <= memory.capacity,
                let next = memory.append(.template, template.span, at: position)
            else { return .full }
            templates.remember(key, at: position)
            return Written(memory.append(.facts, facts, of: position, at: next))
        } ?? false
    }

    private enum Written {
        /// Written; the next frame goes here.
        case next(Int)
        /// Not written: it does not fit.
        case full
        /// Not written: its template is missing.
        case missing

        init(_ next: Int?) { self = next.map(Written.next) ?? .full }
    }

    // Captures no counted reference: it would be counted twice.
    private typealias Writing = (AuditSegmentMemory, _ position: Int, inout AuditTemplateTable) -> Written

    /// Returns whether the writer's thread should prepare more; `nil` if nothing was written.
    private func add(_ write: Writing) throws(AgentIDError) -> Bool? {
        guard !mark.isInChild else {
            throw AgentIDError(
                .state, name: "forked", message: "this process was forked: open the audit log anew in the child",
                at: "audit")
        }
        do throws(AgentIDError) {
            var isUrgent = false
            let number = try state.withLock { state throws(AgentIDError) -> UInt64? in
                guard try add(write, &state) else { return nil }
                isUrgent = !state.isAsked && state.isShort
                if isUrgent { state.isAsked = true }
                return state.lines
            }
            guard let number else { return nil }
            if options.sync == .always { try commits.wait(for: number) { sync() } }
            return isUrgent
        } catch {
            if error.name == "audit_unavailable" { failed.add(1, ordering: .relaxed) }
            throw error
        }
    }

    private func add(_ write: Writing, _ state: inout State) throws(AgentIDError) -> Bool {
        if let error = state.broken {
            state.broken = nil
            throw error
        }
        if let memory = state.memory {
            switch write(memory, state.position, &state.templates) {
            case .next(let next):
                state.advance(to: next)
                return true
            case .missing: return false
            case .full: break
            }
        }
        if let apart = state.apart { throw apart }
        try state.pause.check()
        guard !state.isClosed else {
            throw AgentIDError(.state, name: "closed", message: "the audit log is closed", at: "audit")
        }
        let (fresh, ready): (AuditSegment, Int)
        if let spare = state.spare, spare.segment.isThere {
            (fresh, ready) = spare
        } else {
            (fresh, ready) = (try makeSegment(isSmall: state.pause.isFailing), 0)
        }
        retire(&state)
        (state.segment, state.position) = (fresh, AuditSegmentMemory.start)
        (state.ready, state.spare) = (ready, nil)
        state.integrated = state.position
        switch write(fresh.memory, state.position, &state.templates) {
        case .next(let next):
            state.advance(to: next)
            return true
        case .missing: return false
        case .full: throw AuditSegment.unavailable("a line does not fit a segment", 0)
        }
    }

    private func makeSegment(isSmall: Bool = false) throws(AgentIDError) -> AuditSegment {
        try checkPlace()
        let number = made.add(1, ordering: .relaxed).newValue
        return try AuditSegment(
            AuditSegmentName(owner: owner, number: number), in: directory,
            capacity: (isSmall ? min(options.segmentSize, AuditPause.segmentSize) : options.segmentSize) & ~7, log: log,
            clock: clock, files: files)
    }

    /// Refuses appends until ``mend()``: their lines would be in no log, or in one that lost entries.
    func stop(_ error: AgentIDError) {
        state.withLock { state in
            state.apart = error
            retire(&state)
            state.spare = nil
        }
    }

    /// Allows appends again: the log is what it was.
    func mend() { state.withLock { $0.apart = nil } }

    /// The reason for refusing appends.
    var apart: AgentIDError? { state.withLock { $0.apart } }

    private func retire(_ state: inout State) {
        guard let segment = state.segment else { return }
        segment.memory.seal(at: state.position)
        state.full.append(segment)
        state.segment = nil
        state.templates.removeAll()
    }

    /// Makes everything appended so far durable. Returns the number of the last line, and the error, if any.
    @discardableResult func sync() -> (covered: UInt64, error: AgentIDError?) {
        let (segments, lines) = state.withLock { ($0.full + ($0.segment.map { [$0] } ?? []), $0.lines) }
        for segment in segments {
            do throws(AgentIDError) { try segment.sync() } catch {
                // The kernel may have dropped what it could not write, and reports it only once: nothing more goes
                // there.
                let lost = state.withLock { state in
                    if state.segment === segment { retire(&state) }
                    state.full.removeAll { $0 === segment }
                    state.pause.fail()
                    // Also lines that were appended since, and before anybody looks for segments again.
                    if isDurable { commits.fail(upTo: state.lines, error) }
                    return state.lines
                }
                return (lost, error)
            }
        }
        state.withLock { state in
            state.full.removeAll { full in segments.contains { $0 === full } }
            if !segments.isEmpty, state.lines > 0 { state.pause = AuditPause() }
        }
        return (lines, nil)
    }

    /// The periodic work of the writer's thread: syncs, and makes room. Returns the bytes appended in all.
    func tend(since bytes: Int) throws(AgentIDError) -> Int {
        let now = state.withLock { $0.bytes }
        guard now != bytes else { return now }
        let error = options.sync == .always ? nil : sync().error
        if let error { state.withLock { $0.broken = error } }
        // A synced page faults at the next store, so make it ready again: twice as many as were used since the last
        // time.
        state.withLock { state in
            state.ahead = min(max(Self.leastAhead, 2 * (now - bytes)), Self.mostAhead)
            (state.ready, state.isAsked) = (state.position, true)
        }
        try prepare()
        if let error { throw error }
        return now
    }

    /// Makes more ready if half of it is used up; the faster it was used, the more.
    func prepare() throws(AgentIDError) {
        let (segment, ready, ahead) = state.withLock { ($0.isAsked ? $0.segment : nil, $0.ready, $0.ahead) }
        guard let segment else { return }
        segment.memory.touch(from: ready, count: ahead)
        let needsSpare = state.withLock { state in
            if state.segment === segment { state.ready = min(ready + ahead, segment.capacity) }
            state.ahead = min(2 * ahead, Self.mostAhead)
            return state.spare == nil && !state.isClosed && state.position > segment.capacity / 2
        }
        if needsSpare {
            let spare = try makeSegment()
            spare.memory.touch(from: 0, count: ahead)
            state.withLock { state in
                // Meanwhile an appender may have made one itself, which then comes after this one in the order.
                if state.spare == nil, let segment = state.segment, segment.name < spare.name {
                    state.spare = (spare, ahead)
                }
            }
        }
        state.withLock { $0.isAsked = false }
    }

    /// Checks that the segment is still where sequencers look for it. If it was removed or replaced, returns the gap, and
    /// keeps the lines that were not integrated for ``writeAgain()``.
    ///
    /// - Parameter integrated: How far segments are integrated, as `sequence` said lately.
    func watch(_ integrated: [AuditSequence.Segment]) throws(AgentIDError) -> AuditGap? {
        guard let segment = state.withLock({ $0.segment }) else { return nil }
        if let known = integrated.first(where: { $0.name == segment.name }) {
            state.withLock { if $0.segment === segment { $0.integrated = max($0.integrated, known.position) } }
        }
        guard !segment.isThere else { return nil }
        let (from, end) = state.withLock { state in
            // The next append makes a new segment.
            if state.segment === segment { retire(&state) }
            return (state.integrated, state.position)
        }
        let gap = AuditGap(kind: .removedSegment, segment: segment.name.description, from: from, to: end)
        let lines = [gap.line(at: clock.milliseconds)] + (try segment.lines(from: from, to: end))
        state.withLock { state in
            state.full.removeAll { $0 === segment }
            state.removed += lines
        }
        return gap
    }

    /// Appends the lines of removed segments to the present segment, each after the entry that records their gap. Throws
    /// while there can be no segment.
    func writeAgain() throws(AgentIDError) {
        while let line = state.withLock({ $0.removed.first }) {
            _ = try append(line.span)
            state.withLock { _ = $0.removed.popFirst() }
        }
    }

    /// Seals and releases the segments, after a last sync.
    func close() -> AgentIDError? {
        try? writeAgain()
        state.withLock { state in
            state.isClosed = true
            retire(&state)
            state.spare = nil
        }
        return sync().error
    }
}
