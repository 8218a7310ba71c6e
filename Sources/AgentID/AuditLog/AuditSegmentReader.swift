internal import CProcess
internal import Glibc
internal import StrictJSON

/// Reads a segment, whether its owner lives or not. Nothing in the file is trusted. It is read, not mapped: if somebody
/// truncates the file, that is a short read and not a signal.
struct AuditSegmentReader: ~Copyable {
    /// The content at a position.
    enum Item: Equatable {
        /// A line; the next item is at `next`.
        case line([UInt8], next: Int)
        /// A template that later lines refer to; the next item is at `next`.
        case template(next: Int)
        /// Bytes that are not a frame, with frames after them from `next`.
        case gap(next: Int)
        /// Nothing yet: the owner lives and may append here.
        case waiting
        /// The end: the owner is gone or has sealed the segment, and nothing follows.
        case end
        /// The end, followed up to `end` by bytes that are not a frame: a write that was not finished.
        case torn(end: Int)
    }

    private let path: String
    private let file: Int32
    private let size: Int
    private let seed: UInt64
    /// Whether the file begins with a segment's header. Without one there is no seed, so that nothing in it is a frame.
    let hasHeader: Bool
    /// Whether the file is shorter than when it was made.
    let isCut: Bool
    /// Whether the owner lived when the segment was opened. All that an owner wrote before it died is there by then.
    let isOwned: Bool
    /// The log that the header names.
    let log: SIMD2<UInt64>
    private let step: UInt32
    private var window: [UInt8] = []
    private var windowStart = 0
    /// The templates that lines referred to, by their positions.
    private var templates: [Int: AuditTemplate] = [:]
    private static let mostTemplates = 1024

    static let start = AuditSegmentHeader.size

    /// Opens a segment; `nil` if it does not exist.
    init?(_ path: String, in held: HeldDirectory? = nil) throws(AgentIDError) {
        guard let file = try Files.openIfPresent(path, .read, in: held) else { return nil }
        let isOwned = flock(file, LOCK_SH | LOCK_NB) != 0
        if !isOwned { flock(file, LOCK_UN) }
        try self.init(file, path, isOwned: isOwned)
    }

    /// Reads a segment of this process's own, whatever became of its name.
    init(sharing file: Int32, _ path: String) throws(AgentIDError) {
        let own = fcntl(file, F_DUPFD_CLOEXEC, 0)
        guard own >= 0 else { throw Files.failure("cannot read", path) }
        try self.init(own, path, isOwned: true)
    }

    /// Takes ownership of the file.
    private init(_ file: Int32, _ path: String, isOwned: Bool) throws(AgentIDError) {
        var status = stat()
        guard unsafe fstat(file, &status) == 0 else {
            let error = Files.failure("cannot look at", path)
            _ = close(file)
            throw error
        }
        var bytes = [UInt8](repeating: 0, count: AuditSegmentHeader.size)
        guard let count = Files.read(file, into: &bytes, from: 0) else {
            // What cannot be read now may be a whole segment.
            let error = Files.failure("cannot read", path)
            _ = close(file)
            throw error
        }
        let header = count == bytes.count ? AuditSegmentHeader(bytes.span) : nil
        let length = min(max(Int(status.st_size), 0), AuditSegment.largest)
        self.path = path
        self.file = file
        self.isOwned = isOwned
        size = length
        seed = header?.seed ?? 0
        hasHeader = header != nil
        log = header?.log ?? .zero
        step = header?.step ?? 0
        isCut = header.map { $0.capacity > length } ?? true
    }

    deinit { _ = close(file) }

    /// Whether it belongs to another log: neither to this one nor to none.
    func isForeign(to log: SIMD2<UInt64>?) -> Bool { log.map { self.log != .zero && self.log != $0 } ?? false }

    /// Whether a segment that `sequence` does not list was integrated before, and was then put back.
    ///
    /// A step lists every segment that has a name. It drops a segment only if an earlier step took its last line. So a
    /// new segment that is not listed was named no earlier than the step before the last one.
    /// A segment whose writer lives is never a repeated one: a process that was paused while it named the segment writes
    /// the step's number a moment later.
    func isRepeated(after last: UInt32) -> Bool { !isOwned && step != 0 && Int32(bitPattern: last &- step) > 1 }

    /// The length of the file, in bytes.
    var count: Int { size }

    /// Makes everything read durable, whoever wrote it.
    func sync() throws(AgentIDError) {
        guard fdatasync(file) == 0 else { throw Files.failure("cannot sync", path) }
    }

    /// Reads the content at `position`.
    mutating func item(at position: Int) throws(AgentIDError) -> Item {
        guard hasHeader else { return isOwned ? .waiting : .torn(end: size) }
        guard position <= size else { return isOwned ? .waiting : .torn(end: position) }
        guard position >= Self.start, position.isMultiple(of: 8) else {
            throw AgentIDError(.malformed, name: "audit_damaged", message: "no frame can be at \(position)", at: path)
        }
        var found = try frame(at: position)
        if found == .damaged {
            // The first word may have been read before, the rest after the owner's stores: look again.
            window = []
            found = try frame(at: position)
        }
        switch found {
        case .frame(let kind, let range):
            let next = position + AuditFrame.size(of: range.count)
            switch kind {
            case .line: return .line(Array(window[range]), next: next)
            case .template: return .template(next: next)
            case .facts:
                // Facts without their template are not a line: a gap up to the next frame, whatever that is.
                let line = try self.line(of: Array(window[range]), at: position)
                return line.map { .line($0, next: next) } ?? .gap(next: next)
            }
        case .seal: return try afterEnd(position + 8)
        case .nothing where isOwned:
            // Frames come one after another: where one is, nothing is still to come before it. As far as was read already:
            // whoever lives is looked at all the time.
            guard let next = try firstFrame(from: position + 8, before: windowStart + window.count) else {
                return .waiting
            }
            // It may have come since the first look.
            window = []
            return try frame(at: position) == .nothing ? .gap(next: next) : .waiting
        case .nothing, .damaged:
            if let next = try firstFrame(from: position + 8) { return .gap(next: next) }
            return isOwned ? .waiting : try afterEnd(position)
        }
    }

    /// The line made from facts and their template; `nil` if no template precedes them.
    private mutating func line(of payload: [UInt8], at position: Int) throws(AgentIDError) -> [UInt8]? {
        guard let place = payload.span.word(at: 0), let facts = AuditFacts(payload.span.extracting(droppingFirst: 8)),
            let start = Int(exactly: place), start < position
        else { return nil }
        if let template = templates[start] { return Self.line(template, facts) }
        guard start >= Self.start, start.isMultiple(of: 8), case .frame(.template, let range) = try frame(at: start)
        else { return nil }
        let template = AuditTemplate(Array(window[range]))
        if templates.count >= Self.mostTemplates { templates = [:] }
        templates[start] = template
        return Self.line(template, facts)
    }

    /// Accepts only as long a line as an owner would have made: the file may hold anything.
    private static func line(_ template: AuditTemplate, _ facts: AuditFacts) -> [UInt8]? {
        let line = template.line(facts)
        return (1...AuditFrame.longestLine).contains(line.count) ? line : nil
    }

    private enum Found: Equatable {
        /// A frame, and the range of its payload in the window.
        case frame(AuditFrame.Kind, Range<Int>)
        case seal
        case nothing
        case damaged
    }

    private mutating func frame(at position: Int) throws(AgentIDError) -> Found {
        guard let first = try word(at: position) else { return .nothing }
        if first == 0 { return .nothing }
        if first == AuditFrame.seal { return .seal }
        guard let (kind, length) = AuditFrame.parse(first), size - position >= AuditFrame.size(of: length),
            let checksum = try word(at: position + 8),
            try load(position + AuditFrame.headerSize, length)
        else { return .damaged }
        let start = position + AuditFrame.headerSize - windowStart
        let range = start..<start + length
        let actual = unsafe window.withUnsafeBytes { window in
            unsafe XXH64.hash(
                UnsafeRawBufferPointer(rebasing: window[range]), seed: AuditFrame.seed(seed, at: position))
        }
        return actual == checksum ? .frame(kind, range) : .damaged
    }

    /// The first frame at or after `position`. Its checksum proves it, since a checksum holds only for one place.
    private mutating func firstFrame(from position: Int, before end: Int = .max) throws(AgentIDError) -> Int? {
        var position = position
        while position < end, let next = try firstWord(from: position, before: end) {
            if let word = try word(at: next), AuditFrame.parse(word) != nil, case .frame = try frame(at: next) {
                return next
            }
            position = next + 8
        }
        return nil
    }

    /// Whether nothing was ever appended just before a position, which the smallest frame has bytes in.
    mutating func isBlank(before position: Int) throws(AgentIDError) -> Bool {
        for place in stride(from: max(position - AuditFrame.size(of: 1), Self.start), to: position, by: 8)
        where try word(at: place) ?? 0 != 0 { return false }
        return position > Self.start
    }

    private mutating func afterEnd(_ position: Int) throws(AgentIDError) -> Item {
        var end = position
        while let next = try firstWord(from: end) { end = next + 8 }
        return end > position || isCut ? .torn(end: end) : .end
    }

    /// The position of the first word that is not zero, at or after `position`.
    private mutating func firstWord(from position: Int, before end: Int = .max) throws(AgentIDError) -> Int? {
        var position = position
        while position < end, try load(position, 8) {
            let start = position - windowStart
            let (found, end) = unsafe window.withUnsafeBytes { window in
                var offset = start
                while offset <= window.count - 8 {
                    if unsafe window.loadUnaligned(fromByteOffset: offset, as: UInt64.self) != 0 {
                        return (true, offset)
                    }
                    offset += 8
                }
                return (false, offset)
            }
            position = windowStart + end
            if found { return position }
        }
        return nil
    }

    /// The word at a position; `nil` beyond the file.
    private mutating func word(at position: Int) throws(AgentIDError) -> UInt64? {
        guard try load(position, 8) else { return nil }
        let start = position - windowStart
        return unsafe window.withUnsafeBytes { window in
            guard start >= 0, start <= window.count - 8 else { return nil }
            return unsafe window.loadUnaligned(fromByteOffset: start, as: UInt64.self).littleEndian
        }
    }

    /// Loads the bytes into the window; `false` if the file does not have them.
    private mutating func load(_ position: Int, _ count: Int) throws(AgentIDError) -> Bool {
        if position >= windowStart, position + count <= windowStart + window.count { return true }
        guard position + count <= size else { return false }
        var bytes = [UInt8](repeating: 0, count: min(max(count, 64 << 10), size - position))
        guard let read = Files.read(file, into: &bytes, from: position) else {
            throw Files.failure("cannot read", path)
        }
        bytes.removeLast(bytes.count - read)
        (window, windowStart) = (bytes, position)
        return read >= count
    }
}
