internal import StrictJSON
internal import TransparencyLog

/// Checks everything after the checkpoint: the file that records the progress of integration, and the segments.
struct AuditTail {
    private let reader: AuditReader

    init(_ reader: AuditReader) { self.reader = reader }

    func check(_ result: inout AuditVerification) {
        func note(_ place: AuditFinding.Place, _ message: String) {
            guard result.findings.count < AuditVerification.mostFindings else { return }
            result.findings.append(AuditFinding(place: place, message: message))
        }
        do throws(AgentIDError) {
            let path = "\(reader.directory)/\(AuditSequencer.sequencePath)"
            guard let bytes = try reader.files.read(path, limit: AuditSequence.largest) else {
                return note(.sequence, "the file is missing")
            }
            let sequence = try AuditSequence(parsing: bytes)
            let heads = [sequence.before, sequence.after]
            // A sequencer that works meanwhile is ahead of the checkpoint that was read, never behind it.
            if let newest = heads.map(\.size).max(), newest < reader.count {
                note(.sequence, "it was put back: it knows of \(newest) entries, the checkpoint has \(reader.count)")
            } else if let oldest = heads.map(\.size).min(), oldest > reader.count, try isStill(bytes, at: path) {
                note(.tail(from: reader.count), "cut off: the log had \(oldest) entries, the checkpoint was put back")
            } else if heads.contains(where: { $0.size == reader.count && $0.root != reader.checkpoint.root }) {
                note(.sequence, "it knows of another root than the checkpoint's")
            }
            if sequence.before != sequence.after, reader.count == sequence.before.size {
                // A step that is committed and not finished: the next sequencer repeats it, if it still can.
                let isLost = sequence.sources.contains { !isThere($0) }
                if isLost, try isStill(bytes, at: path) {
                    let size = sequence.after.size
                    note(.tail(from: reader.count), "cut off: the log had \(size) entries, the checkpoint was put back")
                }
                result.pending += Int(clamping: sequence.after.size - min(sequence.before.size, sequence.after.size))
            }
            try checkSegments(sequence, isStill: { () throws(AgentIDError) in try isStill(bytes, at: path) }, &result)
            if let events = reader.events?(sequence.outbox) {
                result.pending += events.count
                if let first = events.first { result.noteTime(of: first.bytes) }
            }
        } catch { note(.sequence, error.description) }
    }

    private func isThere(_ source: AuditSequence.Source) -> Bool {
        switch source {
        case .own: true
        case .lines(let name, _, _, _):
            !Files.isAbsent(
                "\(reader.directory)/\(AuditSequencer.segmentsPath)/\(name.file)", in: reader.files.held)
        }
    }

    /// Whether a file still holds the bytes that were read: the checkpoint or the sequence.
    private func isStill(_ bytes: [UInt8], at path: String) throws(AgentIDError) -> Bool {
        guard try reader.files.read(path, limit: AuditSequence.largest) == bytes,
            let note = try reader.files.read("\(reader.directory)/checkpoint", limit: 1 << 20)
        else { return false }
        return String(decoding: note, as: UTF8.self).starts(exactly: reader.checkpoint.text)
    }

    private func checkSegments(
        _ sequence: AuditSequence, isStill: () throws(AgentIDError) -> Bool, _ result: inout AuditVerification
    ) throws(AgentIDError) {
        let folder = "\(reader.directory)/\(AuditSequencer.segmentsPath)"
        let all = try reader.files.list(folder)
        let names = all.compactMap { AuditSegmentName(file: $0) }
        let log = try AuditIdentity(reading: reader.directory, origin: reader.checkpoint.origin, files: reader.files)?
            .tag
        func aside(_ state: AuditSequence.State, _ what: String) {
            let suffix = ".\(state.rawValue)"
            for file in all where file.ends(exactly: suffix) && result.findings.count < AuditVerification.mostFindings {
                result.findings.append(
                    AuditFinding(
                        place: .segment(String(file.dropLast(suffix.utf8.count)), at: 0),
                        message: "\(what) and was set aside: find out who put it there, and remove it"))
            }
        }
        aside(.foreign, "it is another log's segment")
        aside(.repeated, "it was put back after its lines had become entries,")
        for known in sequence.segments where known.state == .open && !names.contains(known.name) {
            guard try isStill() else { break }
            result.findings.append(
                AuditFinding(
                    place: .segment(known.name.description, at: known.position), message: "the segment is missing"))
        }
        for name in names {
            let known = sequence.segments.first { $0.name == name }
            guard known?.state.isOpen ?? true,
                var segment = try AuditSegmentReader("\(folder)/\(name.file)", in: reader.files.held)
            else { continue }
            guard !segment.isForeign(to: log) else {
                result.findings.append(
                    AuditFinding(place: .segment(name.description, at: 0), message: "it is another log's segment"))
                continue
            }
            guard known != nil || !segment.isRepeated(after: sequence.step) else {
                let message = "it was put back: its lines are entries already"
                result.findings.append(AuditFinding(place: .segment(name.description, at: 0), message: message))
                continue
            }
            var (position, lines) = (known?.position ?? AuditSegmentReader.start, 0)
            reading: while result.findings.count < AuditVerification.mostFindings {
                switch try segment.item(at: position) {
                case .line(let line, let next):
                    // Within a segment lines are in the order of their times, as a rule.
                    if lines == 0 { result.noteTime(of: line) }
                    (result.pending, lines, position) = (result.pending + 1, lines + 1, next)
                case .template(let next): position = next
                case .gap(let next):
                    let message = "\(next - position) bytes are not lines"
                    result.findings.append(
                        AuditFinding(place: .segment(name.description, at: position), message: message))
                    position = next
                case .torn(let end):
                    let message = "the tail is torn: \(end - position) bytes are not a line"
                    result.findings.append(
                        AuditFinding(place: .segment(name.description, at: position), message: message))
                    break reading
                case .waiting, .end: break reading
                }
            }
        }
    }
}

extension AuditVerification {
    /// Takes down the time of a line that waits.
    fileprivate mutating func noteTime(of line: [UInt8]) {
        guard let time = (try? JSON(parsing: line).root)?["time_ms"]?.int else { return }
        pendingSince = min(pendingSince ?? .max, Int64(time))
    }
}
