import Foundation
import StrictJSON
import Testing
import TestSupport

@testable import AgentID

@Suite struct ReplayFileTests {
    private static let wordSize = MemoryLayout<UInt64>.size

    @Test func filesThatAreNoneOfOursAreRefused() throws {
        let directory = try ReplayDirectory()
        _ = try directory.table()
        let good = try directory.read()
        for i in 0..<ReplayHeader.byteCount {
            var bytes = good
            bytes[i] ^= 1
            try directory.write(bytes)
            let refusal = directory.refusal()
            #expect(refusal?.code == ((16..<24).contains(i) ? .version : .io), "byte \(i)")
            #expect(refusal?.place == directory.file)
            #expect(try directory.read() == bytes)
        }
        func with(_ word: Int, _ value: UInt64) -> Data {
            var bytes = good
            for (i, byte) in [value].littleEndianBytes.enumerated() { bytes[word * 8 + i] = byte }
            return bytes
        }
        let wrong = [
            Data("x".utf8), good.prefix(63), good.prefix(64), good.prefix(4096), good.dropLast(),
            Data((0..<good.count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 7) }),
            // Time, and segments: another first one, one that is not there, one behind a gap, far too many.
            with(64, 1 << 56), with(128, 0), with(128, 1), with(129, 1), with(129, .max), with(130, 1), with(175, 1),
        ]
        for bytes in wrong {
            try directory.write(bytes)
            #expect(directory.refusal()?.name == "replay_memory")
        }
        try directory.write(good, mode: 0o640)
        #expect(directory.refusal()?.name == "unsafe_permissions")
        try FileManager.default.moveItem(atPath: directory.file, toPath: directory.path + "/elsewhere")
        try FileManager.default.createSymbolicLink(atPath: directory.file, withDestinationPath: "elsewhere")
        #expect(directory.refusal()?.code == .io)
    }

    @Test func fileWhoseMakerDiedIsMadeAnew() throws {
        let directory = try ReplayDirectory()
        for left in [0, 1, 4096, 40_000, 1 << 20] {
            try directory.write(Data(count: left))
            let table = try directory.table()
            #expect(table.remember("proof") == .fresh)
            #expect(try directory.table().remember("proof") == .replayed)
        }
    }

    @Test func openingWithALargerCapacityMakesRoomAndForgetsNothing() throws {
        let directory = try ReplayDirectory()
        let small = try directory.table(capacity: 2)
        for n in 0..<64 { #expect(small.remember("\(n)", under: "\(n)") == .fresh) }
        #expect(small.remember("64", under: "64") == .full(.whole))
        let large = try directory.table(capacity: 1000)
        for n in 0..<64 { #expect(large.remember("\(n)", under: "\(n)") == .replayed) }
        for n in 64..<500 { #expect(large.remember("\(n)", under: "\(n)") == .fresh) }
        // Who knew the small one finds the rest, and uses it.
        for n in 0..<500 { #expect(small.remember("\(n)", under: "\(n)") == .replayed) }
        #expect(small.remember("500", under: "500") == .fresh)
        #expect(try directory.table(capacity: 2).remember("500", under: "500") == .replayed)
    }

    @Test func processThatDiesWhileItAddsASegmentLeavesNothingToMend() throws {
        let directory = try ReplayDirectory()
        let table = try directory.table(capacity: 1000)
        #expect(table.remember("proof") == .fresh)
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: directory.file))
        let whole = try file.seekToEnd()
        // Room was taken, in part or in whole, and nobody was told.
        for more in [1, 4096, 1 << 20] {
            try file.truncate(atOffset: whole + UInt64(more))
            let again = try directory.table(capacity: 100_000)
            #expect(again.remember("proof") == .replayed)
            #expect(again.remember("\(more)") == .fresh)
        }
        let large = try directory.table(capacity: 100_000)
        for n in 0..<20_000 { #expect(large.remember("more \(n)", under: "\(n)") == .fresh) }
        #expect(large.room.mappedCount > 1)
        for n in 0..<20_000 { #expect(table.remember("more \(n)", under: "\(n)") == .replayed) }
    }

    /// A proof comes through a second time only where its own slot was overwritten.
    @Test func damageForgetsNoProofButThoseItHits() throws {
        var random = Seeded.announced("damageForgetsNoProofButThoseItHits")
        for _ in 0..<10 {
            let directory = try ReplayDirectory()
            let table = try directory.table(capacity: 64)
            func words() throws -> [UInt64] { try directory.read()[ReplayHeader.size...].littleEndianWords }
            var held = try words()
            var slots: [Int] = []
            let proofs = (0..<150).map { "proof \($0)" }
            for proof in proofs {
                #expect(table.remember(proof, under: proof) == .fresh)
                let now = try words()
                slots.append(try #require(now.indices.first { now[$0] != held[$0] }))
                held = now
            }
            var damaged: Set<Int> = []
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: directory.file))
            for slot in held.indices where Int.random(in: 0..<3, using: &random) == 0 {
                // No slot that was taken becomes empty: what lies behind it would not be looked at.
                let word =
                    [1 + random.next() >> 1, .max, held.randomElement(using: &random) ?? 0]
                    .randomElement(using: &random) ?? 0
                guard held[slot] == 0 || word != 0 else { continue }
                try file.seek(toOffset: UInt64(ReplayHeader.size + slot * Self.wordSize))
                try file.write(contentsOf: Data([word].littleEndianBytes))
                damaged.insert(slot)
            }
            for (proof, slot) in zip(proofs, slots) where !damaged.contains(slot) {
                #expect(table.remember(proof) == .replayed)
            }
            for n in 0..<500 where table.remember("new \(n)", under: "\(n)") == .fresh {
                #expect(table.remember("new \(n)", under: "\(n)") == .replayed)
            }
        }
    }
}
