import Foundation
import Glibc
import JOSE
import TransparencyLog

@testable import AgentID

/// An audit log in a directory of its own, gone with the fixture.
final class AuditFixture: Sendable {
    /// In memory where there is such a place: these tests sync thousands of times, and none cuts the real power.
    let directory: String = {
        let memory = FileManager.default.isWritableFile(atPath: "/dev/shm")
        return (memory ? "/dev/shm/" : NSTemporaryDirectory()) + "audit-\(UUID().uuidString)"
    }()
    let signer: SigningKey
    let origin = "acme.example/audit"
    var segments: String { "\(directory)/segments" }

    init() throws {
        signer = try SigningKey.generate()
        try FileManager.default.createDirectory(atPath: segments, withIntermediateDirectories: true)
        for path in [directory, segments] { _ = unsafe chmod(path, 0o700) }
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    var key: NoteKey {
        get throws { try NoteKey(name: origin, publicKey: signer.publicKey) }
    }

    /// A log whose thread does nothing by itself in the time of a test.
    func open(
        _ sync: AuditOptions.Sync = .batch(milliseconds: 60_000), segmentSize: Int = 1 << 20, signing: Bool = true,
        files: (any AuditFiles)? = nil
    ) throws -> AuditLog {
        var options = AuditOptions()
        options.sync = sync
        options.segmentSize = segmentSize
        options.maxLine = min(options.maxLine, segmentSize - 128)
        options.checkpointInterval = 3_600_000
        return try AuditLog(
            directory: directory, origin: origin, signer: signing ? signer : nil, options: options,
            clock: CallbackClock { 1_700_000_000_000 }, files: files ?? SystemAuditFiles(holding: directory))
    }

    func sequencer(_ files: (any AuditFiles)? = nil) throws -> AuditSequencer {
        AuditSequencer(
            directory: directory, key: try key, signer: signer, clock: CallbackClock { 1_700_000_000_000 },
            files: try files ?? SystemAuditFiles(holding: directory))
    }

    func reader() throws -> AuditReader { try AuditReader(directory: directory, key: key.description) }

    /// All entries, as texts.
    func entries() throws -> [String] {
        let reader = try reader()
        var entries: [String] = []
        while UInt64(entries.count) < reader.count {
            let more = try reader.entries(from: UInt64(entries.count))
            entries += more.map { String(decoding: $0, as: UTF8.self) }
        }
        return entries
    }

    /// Writes lines into a segment of its own, as a process that then dies.
    func leaveBehind(_ lines: [String], files: any AuditFiles = SystemAuditFiles()) throws {
        let name = AuditSegmentName(owner: UUIDv7.make(at: SystemClock().milliseconds), number: 1)
        do {
            let segment = try AuditSegment(
                name, in: segments, capacity: 1 << 16, clock: SystemClock(), files: files)
            var position = AuditSegmentMemory.start
            for line in lines { position = segment.append(Array(line.utf8), at: position) ?? position }
        }
        // A child that another test starts holds what it inherits until it runs its program: an owner that seems to live.
        let file = unsafe Glibc.open("\(segments)/\(name.file)", O_RDONLY)
        defer { close(file) }
        for _ in 0..<1000 where file >= 0 && flock(file, LOCK_SH | LOCK_NB) != 0 { usleep(10_000) }
    }

    func bytes(_ path: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: "\(directory)/\(path)")))
    }

    func write(_ path: String, _ bytes: [UInt8]) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: "\(directory)/\(path)"))
    }

    /// Every file of the log, by its path within it.
    func paths(under folder: String = "") throws -> [String] {
        let all = FileManager.default.enumerator(atPath: "\(directory)/\(folder)")?.compactMap { $0 as? String } ?? []
        return all.filter { path in
            let kind = try? FileManager.default.attributesOfItem(atPath: "\(directory)/\(folder)/\(path)")[.type]
            return kind as? FileAttributeType == .typeRegular
        }.map { folder.isEmpty ? $0 : "\(folder)/\($0)" }.sorted()
    }
}

extension AuditSegment {
    func append(_ line: [UInt8], at position: Int) -> Int? { memory.append(.line, line.span, at: position) }
}
