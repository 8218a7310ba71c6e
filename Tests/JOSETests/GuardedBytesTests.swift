import Foundation
import JOSE
import TestSupport
import Testing

/// Runs alone: it counts the mappings of the whole process.
@Suite(.serialized) struct GuardedBytesTests {
    private func mappings() -> Int {
        (try? String(contentsOfFile: "/proc/self/maps", encoding: .utf8))?.split(separator: "\n").count ?? 0
    }

    private func fill(_ bytes: GuardedBytes, _ byte: UInt8) {
        unsafe bytes.withUnsafeMutableBytes { buffer in
            for i in 0..<buffer.count { unsafe buffer[i] = byte }
        }
    }

    private func isFilled(_ bytes: GuardedBytes, _ byte: UInt8) -> Bool {
        bytes.withSpan { span in
            for i in span.indices where span[i] != byte { return false }
            return true
        }
    }

    @Test func aHundredThousandKeysTakeAFewMappings() throws {
        let before = mappings()
        var keys: [SigningKey] = []
        for _ in 0..<20_000 { keys.append(try SigningKey.generate()) }
        #expect(mappings() - before < 100, "four a key end a process at 16,000")
        #expect(Set(keys.map(\.publicKey)).count == keys.count)
        let message = Array("m".utf8)
        for key in keys.prefix(50) + keys.suffix(50) {
            let signature = key.sign(message.span)
            let isValid = key.publicKey.verifies(signature.span, of: message.span)
            #expect(isValid)
        }
    }

    @Test func secretsNeverOverlapAndComeBackZeroed() throws {
        var random = Seeded.announced("secrets in slabs")
        var held: [(bytes: GuardedBytes, byte: UInt8)] = []
        for _ in 0..<20_000 {
            if held.count > 300 || (!held.isEmpty && Int.random(in: 0..<3, using: &random) == 0) {
                let place = Int.random(in: 0..<held.count, using: &random)
                let (bytes, byte) = held.remove(at: place)
                #expect(isFilled(bytes, byte))
            } else {
                let count = Int.random(
                    in: 1...(Int.random(in: 0..<40, using: &random) == 0 ? 70_000 : 300), using: &random)
                let byte = UInt8.random(in: 1...255, using: &random)
                let fresh = try #require(GuardedBytes(count: count))
                #expect(isFilled(fresh, 0))
                fill(fresh, byte)
                held.append((fresh, byte))
            }
        }
        for (bytes, byte) in held { #expect(isFilled(bytes, byte)) }
    }

    @Test func sizesBeyondTheLimitsAreRefused() {
        for count in [0, -1, Int.min, Int.max, (1 << 20) + 1] { #expect(GuardedBytes(count: count) == nil) }
        #expect(GuardedBytes(count: 1 << 20) != nil)
    }
}
