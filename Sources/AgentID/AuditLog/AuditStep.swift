/// One step of the sequencer: the lines it takes from the segments, and the progress of integration after it.
struct AuditStep {
    private(set) var next: AuditSequence
    /// The new entries, in their order.
    private(set) var entries: [[UInt8]] = []
    private(set) var gaps: [AuditGap] = []
    private let now: Int64
    private let last: UInt32
    private let mostEntries: Int
    private var bytesLeft: Int
    /// The room left in `sequence` for lines of its own: it is read back under a limit.
    private var ownLeft = Self.mostOwn
    private static let mostOwn = 4 << 20

    /// The log that segments must belong to, if it has a name.
    private let log: SIMD2<UInt64>?
    /// The log's directory, if it is held.
    private let held: HeldDirectory?

    init(
        after state: AuditSequence, at now: Int64, entries: Int, bytes: Int, log: SIMD2<UInt64>? = nil,
        in held: HeldDirectory? = nil
    ) {
        (self.log, self.held) = (log, held)
        next = state
        next.before = state.after
        next.sources = []
        last = state.step
        next.step = last == .max ? 1 : last + 1
        self.now = now
        mostEntries = entries
        bytesLeft = bytes
    }

    var isFull: Bool { entries.count >= mostEntries || bytesLeft <= 0 || ownLeft <= 0 }

    /// Completes the step with the head it comes to.
    mutating func finish(_ head: AuditSequence.Head) { next.after = head }

    /// Records the state of the registry before its lines are read.
    mutating func reach(_ registry: RegistryReach) { next.registry = registry }

    /// The most segments that are gone and remembered.
    private static let mostMissing = 1024

    /// Forgets segments that are gone. One that was not wholly integrated should not be.
    mutating func forget(except names: Set<AuditSegmentName>) {
        for i in next.segments.indices where next.segments[i].state == .open && !names.contains(next.segments[i].name) {
            let segment = next.segments[i]
            note(
                AuditGap(
                    kind: .missingSegment, segment: segment.name.description, from: segment.position,
                    to: segment.position))
            next.segments[i].state = .missing
        }
        next.segments.removeAll { $0.state != .missing && !names.contains($0.name) }
        var most = Self.mostMissing
        for i in next.segments.indices.reversed() where next.segments[i].state == .missing {
            most -= 1
            if most < 0 { next.segments.remove(at: i) }
        }
    }

    /// Lists a segment that has a name by now, and no lines yet; sets aside one that was put back.
    mutating func list(_ name: AuditSegmentName, path: String) throws(AgentIDError) {
        guard let reader = try AuditSegmentReader(path, in: held) else { return }
        var segment = AuditSequence.Segment(name: name, position: AuditSegmentReader.start, state: .open)
        if reader.isRepeated(after: last), !reader.isForeign(to: log) {
            // Which it still is in the next step.
            guard !isFull else { return }
            note(AuditGap(kind: .repeated, segment: name.description, from: 0, to: reader.count))
            segment.state = .repeated
        }
        next.segments.append(segment)
    }

    /// Takes the rest of a segment. Returns whether that was all it will ever have.
    mutating func take(_ name: AuditSegmentName, path: String) throws(AgentIDError) -> Bool {
        guard let known = next.segments.firstIndex(where: { $0.name == name }) else { return true }
        var segment = next.segments[known]
        guard segment.state.isOpen, var reader = try AuditSegmentReader(path, in: held) else { return true }
        segment.state = .open
        guard !reader.isForeign(to: log) else {
            note(AuditGap(kind: .foreign, segment: name.description, from: 0, to: reader.count))
            segment.state = .foreign
            next.segments[known] = segment
            return true
        }
        var from = segment.position
        var count = 0
        func lines() -> [AuditSequence.Source] {
            count == 0 ? [] : [.lines(segment: name, from: from, to: segment.position, count: count)]
        }
        reading: while !isFull {
            let item = try reader.item(at: segment.position)
            switch item {
            case .line(let line, let end):
                add(line)
                count += 1
                segment.position = end
                continue
            case .template(let end):
                segment.position = end
                continue
            case .waiting: break reading
            case .end:
                segment.state = .done
                // An older file was put over the one that lines were taken from: nobody knows what followed them.
                if count == 0, try reader.isBlank(before: segment.position) {
                    let (here, name) = (segment.position, name.description)
                    note(AuditGap(kind: .tornTail, segment: name, from: here, to: here))
                    segment.state = .torn
                }
            case .gap, .torn: next.sources += lines()
            }
            switch item {
            case .gap(let end):
                note(AuditGap(kind: .damaged, segment: name.description, from: segment.position, to: end))
                (from, count, segment.position) = (end, 0, end)
            case .torn(let end):
                note(AuditGap(kind: .tornTail, segment: name.description, from: segment.position, to: end))
                (count, segment.state) = (0, .torn)
                break reading
            case .end: break reading
            case .line, .template, .waiting: break
            }
        }
        next.sources += lines()
        // Lines recorded as taken must be on the disk, to be taken again.
        if segment.position > AuditSegmentReader.start { try reader.sync() }
        next.segments[known] = segment
        return segment.state != .open
    }

    /// Takes a line of the outbox. A line that can be no entry becomes a gap: otherwise it would block all others.
    mutating func take(_ line: AuditOutboxLine) {
        next.outbox = line.number
        guard (1...AuditFrame.longestLine).contains(line.bytes.count) else {
            return note(
                AuditGap(kind: .unfit, segment: "outbox-\(line.number)", from: 0, to: line.bytes.count))
        }
        addOwn(line.bytes)
    }

    /// Takes the lines of a committed step again.
    mutating func repeatSources(path: (AuditSegmentName) -> String) throws(AgentIDError) {
        for source in next.sources {
            switch source {
            case .own(let line): add(line)
            case .lines(let name, let from, let to, let count):
                guard var reader = try AuditSegmentReader(path(name), in: held) else {
                    throw Self.changed("the segment is missing", name)
                }
                var (position, found) = (from, 0)
                while position < to {
                    switch try reader.item(at: position) {
                    case .line(let line, let end):
                        add(line)
                        (position, found) = (end, found + 1)
                    case .template(let end): position = end
                    default: throw Self.changed("the line at \(position) is damaged", name)
                    }
                }
                guard position == to, found == count else { throw Self.changed("it holds other lines", name) }
            }
        }
    }

    /// A committed step that is to be repeated.
    init(again state: AuditSequence, in held: HeldDirectory? = nil) {
        self.init(after: state, at: 0, entries: .max, bytes: .max, in: held)
        next = state
    }

    private mutating func add(_ line: [UInt8]) {
        entries.append(line)
        bytesLeft -= line.count
    }

    private mutating func note(_ gap: AuditGap) {
        let line = gap.line(at: now)
        gaps.append(gap)
        addOwn(line)
    }

    private mutating func addOwn(_ line: [UInt8]) {
        next.sources.append(.own(line))
        ownLeft -= line.count
        add(line)
    }

    private static func changed(_ what: String, _ name: AuditSegmentName) -> AgentIDError {
        AgentIDError(
            .malformed, name: "audit_damaged",
            message: "the audit log is damaged: a segment is no longer what was taken from it: \(what)",
            at: "segments/\(name)")
    }
}
