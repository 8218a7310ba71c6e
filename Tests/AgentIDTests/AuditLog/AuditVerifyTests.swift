import Foundation
import StrictJSON
import Testing
import TransparencyLog
import TestSupport

@testable import AgentID

/// Damage of every kind is found, and its place named.
@Suite struct AuditVerifyTests {
    let seed = UInt64.random(in: 0 ... .max)

    static func line(_ index: Int) -> [UInt8] { Array("{\"index\":\(index),\"pad\":\"\(index % 7)\"}".utf8) }

    /// A log of so many entries, integrated twice.
    static func log(_ count: Int) throws -> AuditFixture {
        let fixture = try AuditFixture()
        let log = try fixture.open(segmentSize: 8 << 20)
        for i in 0..<count {
            try log.append(line(i))
            if i == count / 2 { try log.integrate() }
        }
        log.close()
        return fixture
    }

    static func flip(_ fixture: AuditFixture, _ path: String, at byte: Int, bit: Int) throws -> [UInt8] {
        let bytes = try fixture.bytes(path)
        var changed = bytes
        changed[byte] ^= 1 << UInt8(bit)
        try fixture.write(path, changed)
        return bytes
    }

    @Test func everyFlippedBitOfTheLogIsFoundAndLocated() throws {
        print("seed \(seed)")
        var random = Seeded(seed: seed)
        let fixture = try Self.log(1000)
        #expect(try fixture.reader().verify().isSound)
        let bundles = ["tile/entries/000", "tile/entries/001", "tile/entries/002", "tile/entries/003.p/232"]
        for (number, path) in bundles.enumerated() {
            let bytes = try fixture.bytes(path)
            let ranges = EntryBundle.split(bytes.span).entries
            for _ in 0..<8 {
                let byte = Int.random(in: bytes.indices, using: &random)
                let i = try #require(ranges.firstIndex { byte < $0.upperBound })
                _ = try Self.flip(fixture, path, at: byte, bit: Int.random(in: 0..<8, using: &random))
                let index = UInt64(number * 256 + i)
                let findings = try fixture.reader().verify().findings
                if ranges[i].contains(byte) {
                    #expect(findings.map(\.place) == [.entries(index..<index + 1)], "\(path) byte \(byte)")
                } else {
                    // A length: from this entry on the bundle reads differently.
                    let first = try #require(findings.first?.place)
                    let isLocated: Bool
                    switch first {
                    case .entries(let range): isLocated = range.contains(index)
                    case .tail(let from): isLocated = from == index
                    case .checkpoint, .sequence, .tile, .segment: isLocated = false
                    }
                    #expect(isLocated, "\(path) byte \(byte): \(findings)")
                }
                #expect(throws: AgentIDError.self) { try fixture.reader().entry(at: index) }
                try fixture.write(path, bytes)
            }
        }
        for path in ["tile/0/000", "tile/0/001", "tile/0/002", "tile/0/003.p/232", "tile/1/000.p/3"] {
            for _ in 0..<6 {
                let count = try fixture.bytes(path).count
                let byte = Int.random(in: 0..<count, using: &random)
                let bytes = try Self.flip(fixture, path, at: byte, bit: Int.random(in: 0..<8, using: &random))
                let findings = try fixture.reader().verify().findings
                #expect(findings.map(\.place) == [.tile(path)], "\(path) byte \(byte): \(findings)")
                #expect(findings.first?.message.contains("hash \(byte / 32) ") == true, "\(findings)")
                try fixture.write(path, bytes)
            }
        }
        let note = try fixture.bytes("checkpoint")
        for byte in note.indices {
            _ = try Self.flip(fixture, "checkpoint", at: byte, bit: Int.random(in: 0..<8, using: &random))
            let error = #expect(throws: AgentIDError.self) { try fixture.reader() }
            #expect(error?.place.hasSuffix("checkpoint") == true)
            try fixture.write("checkpoint", note)
        }
        _ = try Self.flip(fixture, "sequence", at: 60, bit: 3)
        #expect(try fixture.reader().verify().findings.map(\.place) == [.sequence])
    }

    @Test func damageInTwoPlacesIsFoundInBoth() throws {
        let fixture = try Self.log(1000)
        let bundle = try fixture.bytes("tile/entries/001")
        let ranges = EntryBundle.split(bundle.span).entries
        _ = try Self.flip(fixture, "tile/entries/001", at: ranges[5].lowerBound, bit: 0)
        _ = try Self.flip(fixture, "tile/0/003.p/232", at: 64, bit: 0)
        _ = try Self.flip(fixture, "tile/0/000", at: 96, bit: 0)
        let places = try fixture.reader().verify().findings.map(\.place)
        #expect(places == [.tile("tile/0/000"), .entries(261..<262), .tile("tile/0/003.p/232")])
    }

    @Test(arguments: ["tile/entries/001", "tile/entries/003.p/232"])
    func aRemovedLineIsFoundAndLocated(_ path: String) throws {
        print("seed \(seed)")
        var random = Seeded(seed: seed)
        let fixture = try Self.log(1000)
        let bytes = try fixture.bytes(path)
        let ranges = EntryBundle.split(bytes.span).entries
        let first = path.contains("001") ? 256 : 768
        for i in [0, Int.random(in: 1..<ranges.count - 1, using: &random), ranges.count - 1] {
            var cut = bytes
            cut.removeSubrange(ranges[i].lowerBound - 2..<ranges[i].upperBound)
            try fixture.write(path, cut)
            let index = UInt64(first + i)
            let places = try fixture.reader().verify().findings.map(\.place)
            let expected: AuditFinding.Place = index == 999 ? .tail(from: 999) : .entries(index..<index + 1)
            #expect(places == [expected])
        }
    }

    @Test func aTruncatedTailIsFoundAndLocated() throws {
        print("seed \(seed)")
        var random = Seeded(seed: seed)
        let fixture = try Self.log(1000)
        let path = "tile/entries/003.p/232"
        let bytes = try fixture.bytes(path)
        let ranges = EntryBundle.split(bytes.span).entries
        for _ in 0..<10 {
            let length = Int.random(in: 0..<bytes.count, using: &random)
            try fixture.write(path, Array(bytes[..<length]))
            let whole = ranges.filter { $0.upperBound <= length }.count
            #expect(try fixture.reader().verify().findings.map(\.place) == [.tail(from: UInt64(768 + whole))])
        }
        try FileManager.default.removeItem(atPath: "\(fixture.directory)/\(path)")
        #expect(try fixture.reader().verify().findings.map(\.place) == [.tail(from: 768)])
        try fixture.write(path, bytes)
        for tile in ["tile/0/001", "tile/0/003.p/232", "tile/1/000.p/3"] {
            let bytes = try fixture.bytes(tile)
            try fixture.write(tile, Array(bytes.dropLast(Int.random(in: 1..<bytes.count, using: &random))))
            #expect(try fixture.reader().verify().findings.map(\.place) == [.tile(tile)])
            try FileManager.default.removeItem(atPath: "\(fixture.directory)/\(tile)")
            #expect(try fixture.reader().verify().findings.map(\.place) == [.tile(tile)])
            try fixture.write(tile, bytes)
        }
        try FileManager.default.removeItem(atPath: "\(fixture.directory)/tile/entries/001")
        #expect(try fixture.reader().verify().findings.map(\.place) == [.entries(256..<512)])
    }

    @Test func aLogThatWasPutBackIsFoundByAnyLaterCheckpoint() throws {
        let fixture = try AuditFixture()
        let log = try fixture.open()
        for i in 0..<300 { try log.append(Self.line(i)) }
        try log.integrate()
        let copy = fixture.directory + ".copy"
        defer { try? FileManager.default.removeItem(atPath: copy) }
        try FileManager.default.copyItem(atPath: fixture.directory, toPath: copy)
        for i in 300..<400 { try log.append(Self.line(i)) }
        log.close()
        let later = try fixture.reader().checkpoint
        // The checkpoint alone: what says how far segments are integrated knows better.
        let note = try fixture.bytes("checkpoint")
        try fixture.write("checkpoint", Array(try Data(contentsOf: URL(fileURLWithPath: copy + "/checkpoint"))))
        #expect(try fixture.reader().verify().findings.map(\.place) == [.tail(from: 300)])
        try fixture.write("checkpoint", note)
        // Everything: only who kept a later head can know.
        try FileManager.default.removeItem(atPath: fixture.directory)
        try FileManager.default.copyItem(atPath: copy, toPath: fixture.directory)
        let reader = try fixture.reader()
        #expect(try reader.verify(against: later).findings.contains { $0.place == .tail(from: 300) })
    }

    @Test func aRewrittenHistoryDoesNotMakeTheSignedRoot() throws {
        let fixture = try Self.log(600)
        let forged = try AuditFixture()
        let log = try forged.open()
        for i in 0..<600 { try log.append(i == 300 ? Array("forged".utf8) : Self.line(i)) }
        log.close()
        // All tiles and entries of a log with one other entry, under the true checkpoint.
        for path in try forged.paths(under: "tile") { try fixture.write(path, forged.bytes(path)) }
        #expect(try !fixture.reader().verify().isSound)
        #expect(throws: AgentIDError.self) { try fixture.reader().entry(at: 300) }
        #expect(throws: AgentIDError.self) { try fixture.reader().inclusionProof(of: 5) }
        // The bundle and its tile alone: the tile above tells which.
        let other = try Self.log(600)
        for path in ["tile/entries/001", "tile/0/001"] { try other.write(path, forged.bytes(path)) }
        #expect(try other.reader().verify().findings.map(\.place) == [.entries(256..<512)])
        // And the true tiles under a forged checkpoint are another key's.
        try other.write("checkpoint", forged.bytes("checkpoint"))
        #expect(throws: AgentIDError.self) { try other.reader() }
    }

    @Test func damageHighInALargeTreeIsLocated() throws {
        let fixture = try AuditFixture()
        var growth = try AuditGrowth(
            .init(), tiles: AuditTiles(directory: fixture.directory, files: SystemAuditFiles()))
        for i in 0..<66_000 { try growth.append(Array("\(i)".utf8)) }
        try growth.write()
        let checkpoint = Checkpoint(origin: fixture.origin, size: growth.head.size, root: growth.head.root)
        let key = try fixture.key
        let note = try checkpoint.signed(by: key) { fixture.signer.sign($0.span) }
        try fixture.write("checkpoint", note)
        var sequence = AuditSequence(key: key)
        sequence.before = growth.head
        sequence.after = growth.head
        try fixture.write("sequence", sequence.bytes)
        for path in ["tile/1/000", "tile/2/000.p/1", "tile/1/001.p/1"] {
            let bytes = try Self.flip(fixture, path, at: 17, bit: 2)
            #expect(try fixture.reader().verify().findings.map(\.place) == [.tile(path)])
            try fixture.write(path, bytes)
        }
        var progress: [UInt64] = []
        let report = try fixture.reader().verify { progress.append($0) }
        #expect(report.isSound && report.sound == 66_000)
        #expect(progress.count == 258 && progress.last == 66_000)
    }
}
