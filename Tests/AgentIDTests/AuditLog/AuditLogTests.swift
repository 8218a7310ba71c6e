import Foundation
import JOSE
import StrictJSON
import Testing
import TransparencyLog

@testable import AgentID

/// Appending, integrating, reading.
@Suite struct AuditLogTests {
    @Test func checksumIsXXH64() {
        func hash(_ text: String) -> UInt64 {
            unsafe Array(text.utf8).withUnsafeBytes { unsafe XXH64.hash($0, seed: 0) }
        }
        #expect(hash("") == 0xEF46_DB37_51D8_E999)
        #expect(hash("a") == 0xD24E_C4F1_A98C_6E5B)
        #expect(hash("abc") == 0x44BC_2CF5_AD77_0999)
        #expect(hash("Nobody inspects the spammish repetition") == 0xFBCE_A83C_8A37_8BF1)
    }

    @Test func whatIsAppendedIsReadBackInOrderAndProven() throws {
        let fixture = try AuditFixture()
        let log = try fixture.open()
        let lines = (0..<1000).map { "{\"line\":\($0)}" }
        for line in lines[..<300] { try log.append(Array(line.utf8)) }
        try log.integrate()
        #expect(try fixture.entries() == Array(lines[..<300]))
        let early = try fixture.reader()
        for line in lines[300...] { try log.append(Array(line.utf8)) }
        log.close()
        #expect(try fixture.entries() == lines)
        #expect(log.lastError == nil && log.failures == 0 && log.gaps.isEmpty)

        let reader = try fixture.reader()
        for index in [0, 255, 256, 999] {
            let entry = try reader.entry(at: UInt64(index))
            #expect(entry == Array(lines[index].utf8))
            try reader.inclusionProof(of: UInt64(index)).verify(leaf: .leaf(entry), root: reader.checkpoint.root)
        }
        let proof = try reader.consistencyProof(from: 300)
        try proof.verify(oldRoot: early.checkpoint.root, newRoot: reader.checkpoint.root)
        let between = try reader.consistencyProof(from: 300, to: 700)
        try between.verify(
            oldRoot: early.checkpoint.root, newRoot: reader.checkpoint(ofFirst: 700).root)
        #expect(try reader.entries(from: 990, limit: .max).count == 10)
        #expect(try reader.entries(from: 1000).isEmpty && reader.entries(from: 0, limit: -1).isEmpty)
        #expect(throws: AgentIDError.self) { try reader.entries(from: .max) }
        #expect(throws: AgentIDError.self) { try reader.entry(at: 1000) }
        #expect(throws: AgentIDError.self) { try reader.inclusionProof(of: .max) }
        #expect(throws: AgentIDError.self) { try reader.consistencyProof(from: 0) }
        #expect(throws: AgentIDError.self) { try reader.consistencyProof(from: 5, to: 1001) }

        let report = try reader.verify(against: early.checkpoint)
        #expect(report.isSound && report.sound == 1000 && report.pending == 0, "\(report.findings)")
        // A reader of an earlier head still finds what it needs.
        #expect(try early.verify().isSound)
        #expect(try fixture.paths(under: "segments").isEmpty)
    }

    @Test func eightThreadsLoseNothingAndKeepTheirOrder() throws {
        let fixture = try AuditFixture()
        // Small segments, so that threads meet at rotations, and a sequencer at work meanwhile.
        let log = try fixture.open(.batch(milliseconds: 1), segmentSize: 8192)
        let threads = (0..<8).map { thread in
            Thread {
                for i in 0..<500 { try? log.append(Array("{\"i\":\(i),\"thread\":\(thread)}".utf8)) }
            }
        }
        for thread in threads { thread.start() }
        while !threads.allSatisfy(\.isFinished) {
            try log.integrate()
            Thread.sleep(forTimeInterval: 0.005)
        }
        log.close()
        let entries = try fixture.entries()
        #expect(entries.count == 4000)
        for thread in 0..<8 {
            #expect(
                entries.filter { $0.hasSuffix("\"thread\":\(thread)}") }
                    == (0..<500).map { "{\"i\":\($0),\"thread\":\(thread)}" })
        }
        #expect(try fixture.reader().verify().isSound)
        #expect(log.lastError == nil && log.failures == 0 && log.gaps.isEmpty)
    }

    @Test func syncAlwaysReturnsAfterTheSyncAndSharesIt() throws {
        let fixture = try AuditFixture()
        let log = try fixture.open(.always, segmentSize: 8192)
        let threads = (0..<8).map { thread in
            Thread { for i in 0..<20 { try? log.append(Array("\(thread) \(i)".utf8)) } }
        }
        for thread in threads { thread.start() }
        while !threads.allSatisfy(\.isFinished) { Thread.sleep(forTimeInterval: 0.005) }
        log.close()
        #expect(try fixture.entries().count == 160)
        #expect(log.failures == 0)
    }

    @Test func manyProcessesMakeOneLog() throws {
        let fixture = try AuditFixture()
        let logs = try (0..<5).map { try fixture.open(signing: $0 == 0) }
        for i in 0..<100 {
            for (n, log) in logs.enumerated() { try log.append(Array("\(n):\(i)".utf8)) }
            if i % 17 == 0 { try logs[0].integrate() }
        }
        #expect(throws: AgentIDError.self) { try logs[1].integrate() }
        for log in logs.reversed() { log.close() }
        let entries = try fixture.entries()
        for n in 0..<5 { #expect(entries.filter { $0.hasPrefix("\(n):") } == (0..<100).map { "\(n):\($0)" }) }
        #expect(entries.count == 500)
    }

    @Test func linesOfAProcessThatDiedAreIntegratedAndItsSegmentRemoved() throws {
        let fixture = try AuditFixture()
        try fixture.leaveBehind(["a", "b"])
        let living = try fixture.open(signing: false)
        try living.append([0x63])
        let log = try fixture.open()
        #expect(try fixture.entries().filter { $0 != "c" } == ["a", "b"] && fixture.entries().count == 3)
        log.close()
        #expect(try fixture.paths(under: "segments").count == 1)
        living.close()
        try fixture.open().close()
        #expect(try fixture.entries().filter { $0 != "c" } == ["a", "b"] && fixture.entries().count == 3)
        #expect(try fixture.paths(under: "segments").isEmpty)
    }

    @Test func aFullDiskIsAnErrorAndNothingElse() throws {
        struct FullDisk: AuditFiles {
            let isFull: Locked<Bool>
            let system = SystemAuditFiles()
            let held: HeldDirectory? = nil
            func read(_ path: String, limit: Int) throws(AgentIDError) -> [UInt8]? {
                try system.read(path, limit: limit)
            }
            func replace(_ path: String, with bytes: [UInt8]) throws(AgentIDError) {
                try system.replace(path, with: bytes)
            }
            func makeDirectory(_ path: String) throws(AgentIDError) { try system.makeDirectory(path) }
            func remove(_ path: String) throws(AgentIDError) { try system.remove(path) }
            func rename(_ path: String, to target: String) throws(AgentIDError) { try system.rename(path, to: target) }
            func write(_ path: String, _ bytes: [UInt8]) throws(AgentIDError) { try system.write(path, bytes) }
            func sync(_ path: String) throws(AgentIDError) { try system.sync(path) }
            func list(_ path: String) throws(AgentIDError) -> [String] { try system.list(path) }
            func allocate(_ file: Int32, size: Int) -> Int32 {
                isFull.withLock { $0 } ? ENOSPC : system.allocate(file, size: size)
            }
        }
        let fixture = try AuditFixture()
        let disk = FullDisk(isFull: Locked(false))
        let log = try fixture.open(segmentSize: 4096, files: disk)
        disk.isFull.withLock { $0 = true }
        let line = [UInt8](repeating: 0x61, count: 1000)
        var written = 0
        while written < 10, (try? log.append(line)) != nil { written += 1 }
        #expect(written == 3)
        #expect { try log.append(line) } throws: { ($0 as? AgentIDError)?.name == "audit_unavailable" }
        #expect(log.failures == 2)
        // A shorter line still fits, and once there is room the longer ones do.
        try log.append([0x62])
        disk.isFull.withLock { $0 = false }
        try log.append(line)
        log.close()
        #expect(try fixture.entries().map(\.utf8.count) == [1000, 1000, 1000, 1, 1000])
        #expect(try fixture.paths(under: "segments").isEmpty)
    }

    @Test func aFileSizeLimitIsAnErrorAndNoSignal() throws {
        var before = rlimit()
        #expect(unsafe getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &before) == 0)
        // High enough for whatever runs beside this.
        var limit = before
        limit.rlim_cur = 4 << 30
        #expect(unsafe setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
        defer { _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &before) }
        let file = try #require(FileHandle(forWritingAtPath: "/dev/null"))
        #expect(SystemAuditFiles().allocate(file.fileDescriptor, size: 5 << 30) == EFBIG)
    }

    @Test func linesOutOfLimitsAndClosedLogsAreRefused() throws {
        let fixture = try AuditFixture()
        let log = try fixture.open()
        #expect(throws: AgentIDError.self) { try log.append([]) }
        #expect(throws: AgentIDError.self) { try log.append([UInt8](repeating: 0, count: 65_536)) }
        try log.append([UInt8](repeating: 0, count: 65_535))
        log.close()
        log.close()
        #expect { try log.append([1]) } throws: { ($0 as? AgentIDError)?.name == "closed" }
        #expect(try fixture.reader().entry(at: 0).count == 65_535)
        for change: (inout AuditOptions) -> Void in [
            { $0.maxLine = 0 }, { $0.maxLine = 65_536 }, { $0.segmentSize = 4096 }, { $0.segmentSize = 2 << 30 },
            { $0.sync = .batch(milliseconds: 0) }, { $0.checkpointInterval = 0 },
        ] {
            var options = AuditOptions()
            change(&options)
            #expect(throws: AgentIDError.self) {
                try AuditLog.open(directory: fixture.directory, origin: "o", signer: nil, options: options)
            }
        }
        #expect(throws: AgentIDError.self) {
            try AuditLog.open(directory: fixture.directory, origin: "a b", signer: fixture.signer)
        }
    }

    @Test func theThreadSyncsAndSignsByItself() throws {
        let fixture = try AuditFixture()
        var options = AuditOptions()
        options.sync = .batch(milliseconds: 1)
        options.checkpointInterval = 1
        options.segmentSize = 1 << 17
        let log = try AuditLog.open(
            directory: fixture.directory, origin: fixture.origin, signer: fixture.signer, options: options)
        for i in 0..<50 { try log.append(Array("\(i)".utf8)) }
        var tries = 0
        while try fixture.reader().count < 50, tries < 5000 {
            Thread.sleep(forTimeInterval: 0.002)
            tries += 1
        }
        #expect(try fixture.reader().count == 50)
        #expect(log.lastError == nil)
    }

    @Test func aRotatedKeySignsOnAndTheOldOneNoLongerOpensTheLog() throws {
        let fixture = try AuditFixture()
        let first = try fixture.open()
        try first.append([1])
        first.close()
        let next = try SigningKey.generate()
        let second = try AuditLog.open(directory: fixture.directory, origin: fixture.origin, signer: next)
        try second.append([2])
        second.close()
        let key = try #require(second.key)
        let reader = try AuditReader(directory: fixture.directory, key: key)
        #expect(try reader.count == 2 && reader.verify().isSound)
        #expect(throws: AgentIDError.self) { try fixture.reader() }
        // A key that never signed here, with the file that knew it gone, is not let in.
        #expect(throws: AgentIDError.self) {
            var note = try fixture.bytes("checkpoint")
            note[note.count - 10] ^= 1
            try fixture.write("checkpoint", note)
            _ = try AuditLog.open(directory: fixture.directory, origin: fixture.origin, signer: next)
        }
    }

    @Test func anotherImplementationAcceptsTheLog() throws {
        let fixture = try AuditFixture()
        let log = try fixture.open()
        for i in 0..<700 {
            try log.append(Array("{\"i\":\(i)}".utf8))
            if i % 100 == 0 { try log.integrate() }
        }
        log.close()
        let reader = try fixture.reader()
        func list(_ path: [MerkleHash]) -> String {
            path.map { "\"\(Data($0.bytes).base64EncodedString())\"" }.joined(separator: ",")
        }
        let proofs =
            try [UInt64(0), 255, 699].map {
                "{\"index\":\($0),\"path\":[\(list(try reader.inclusionProof(of: $0).path))]}"
            }
            + [UInt64(101), 256, 700].map {
                "{\"old\":\($0),\"path\":[\(list(try reader.consistencyProof(from: $0).path))]}"
            }
        try fixture.write("proofs.json", Array("[\(proofs.joined(separator: ","))]".utf8))
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../TransparencyLogTests/verify.py").standardized.path
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", script, fixture.directory, log.key ?? "", fixture.directory + "/proofs.json"]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(String(decoding: output, as: UTF8.self) == "ok 700 entries 6 proofs\n")
    }
}
