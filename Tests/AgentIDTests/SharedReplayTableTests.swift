import Foundation
import JOSE
import Scopes
import Synchronization
import Testing
import TestSupport

@testable import AgentID

@Suite struct SharedReplayTableTests {
    private static let start: Int64 = 1_790_000_000
    private static let wordSize = MemoryLayout<UInt64>.size

    /// A directory of this test's own, gone with it.
    private final class Directory {
        let path: String
        var file: String { path + "/replay" }

        init() throws {
            path = NSTemporaryDirectory() + "agentid-replay-" + UUID().uuidString
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        }

        deinit { try? FileManager.default.removeItem(atPath: path) }

        func table(capacity: Int = 1000) throws -> SharedReplayTable {
            try SharedReplayTable(path: file, capacity: capacity)
        }

        func write(_ bytes: Data, mode: Int = 0o600) throws {
            try? FileManager.default.removeItem(atPath: file)
            #expect(
                FileManager.default.createFile(atPath: file, contents: bytes, attributes: [.posixPermissions: mode]))
        }

        func refusal() -> AgentIDError? {
            do { _ = try table() } catch { return error as? AgentIDError }
            return nil
        }
    }

    @Test func proofIsAcceptedOnceAmongManyTablesAndThreads() throws {
        var random = Seeded.announced("proofIsAcceptedOnceAmongManyTablesAndThreads")
        for round in 0..<20 {
            let directory = try Directory()
            // One bucket: everyone fights for the same slots, most of which hold proofs that are over.
            let tables = try (0..<8).map { _ in try directory.table(capacity: 2) }
            for n in 0..<Int.random(in: 0...64, using: &random) {
                #expect(tables[0].remember(UsedProof(name: "old \(n)", issuedAt: Self.start)) == .fresh)
            }
            let proofs = (0..<40).map {
                UsedProof(name: "\(round) \($0)", issuedAt: Self.start + SharedReplayTable.span + Int64($0 % 3))
            }
            let orders = (0..<32).map { _ in proofs.indices.shuffled(using: &random) }
            let accepted = proofs.map { _ in Counter() }
            let others = Counter()
            inThreads(32) { thread in
                for i in orders[thread] {
                    switch tables[thread % 8].remember(proofs[i]) {
                    case .fresh: accepted[i].add()
                    case .replayed: break
                    case .full, .late: others.add()
                    }
                }
            }
            #expect(accepted.map(\.value) == proofs.map { _ in 1 })
            #expect(others.value == 0)
            #expect(tables[0].count(now: Self.start + SharedReplayTable.span) == proofs.count)
        }
    }

    /// Two threads step by step, with one proof and with two in turn: for the first slot that may be taken.
    @Test func proofsThatRaceForOneSlotAreAcceptedOnceEach() throws {
        let directory = try Directory()
        let tables = [try directory.table(capacity: 2), try directory.table()]
        let (steps, stepsToFill) = (20_000, 42)
        let arrived = (0..<steps).map { _ in Counter() }
        let accepted = (0..<steps).map { _ in Counter() }
        inThreads(2) { thread in
            for step in 0..<steps {
                let time = Self.start + Int64(step / stepsToFill) * SharedReplayTable.span
                let proof = UsedProof(name: "\(step) \(step % 2 * thread)", issuedAt: time)
                arrived[step].add()
                var patience = 1000
                while arrived[step].value < 2 {
                    patience -= 1
                    if patience < 0 { sched_yield() }
                }
                if tables[thread].remember(proof) == .fresh { accepted[step].add() }
            }
        }
        #expect((0..<steps).allSatisfy { accepted[$0].value == 1 + $0 % 2 })
    }

    @Test func tableAnswersAsOneGuardsMemoryDoes() throws {
        var random = Seeded.announced("tableAnswersAsOneGuardsMemoryDoes")
        for window in [Int64(1), 30, 60] {
            let directory = try Directory()
            var table = try directory.table(capacity: 20_000)
            var model = ReplayMemory(capacity: 20_000, window: window)
            var proofs: [UsedProof] = []
            var now = Self.start
            for n in 0..<5000 {
                now += [0, 0, 0, 1, window / 2, 3 * window].randomElement(using: &random) ?? 0
                if n % 100 == 0 { table = try directory.table() }
                if Bool.random(using: &random) || proofs.isEmpty {
                    proofs.append(
                        UsedProof(
                            name: "proof \(n)", issuedAt: now + Int64.random(in: -window...window, using: &random)))
                }
                // What a guard lets through to its memory: proofs whose window is not over.
                guard let proof = proofs.suffix(50).randomElement(using: &random), abs(proof.issuedAt - now) <= window
                else { continue }
                let (answer, expected) = (table.remember(proof), model.remember(proof, now: now))
                #expect(answer == expected, "\(proof) at \(now)")
            }
        }
    }

    @Test func fullTableDeniesUntilWhatItHoldsIsOver() throws {
        let directory = try Directory()
        let table = try directory.table(capacity: 2)
        func answers(_ name: String, at time: Int64) -> [ProofMemory.Answer] {
            (0..<80).map { table.remember(UsedProof(name: "\(name) \($0)", issuedAt: time)) }
        }
        let room = [ProofMemory.Answer](repeating: .fresh, count: 64)
        #expect(answers("a", at: Self.start) == room + [ProofMemory.Answer](repeating: .full, count: 16))
        #expect(answers("b", at: Self.start + SharedReplayTable.span - 1).allSatisfy { $0 == .full })
        #expect(answers("c", at: Self.start + SharedReplayTable.span).prefix(64) == room[...])
        // Overwritten is not forgotten: the slots say that something newer is here.
        #expect(answers("a", at: Self.start).allSatisfy { $0 == .late })
    }

    @Test func capacityIsThereForAnyProofs() throws {
        let directory = try Directory()
        let table = try directory.table(capacity: 4096)
        for n in 0..<12_000 {
            #expect(table.remember(UsedProof(name: "proof \(n)", issuedAt: Self.start)) == .fresh)
        }
        #expect(table.count(now: Self.start) == 12_000)
    }

    @Test func timesThatNoProofHasAreDenied() throws {
        let table = try Directory().table()
        for time in [Int64.min, -1, 0, 1 << 32, .max] {
            #expect(table.remember(UsedProof(name: "proof", issuedAt: time)) == .late)
        }
    }

    @Test func callThatWasHeldUpPastItsWindowIsDenied() {
        var memory = ReplayMemory(capacity: 10, window: 30)
        let proof = UsedProof(name: "proof", issuedAt: Self.start)
        #expect(memory.remember(proof, now: Self.start) == .fresh)
        for later in [61, 122] {
            let other = UsedProof(name: "other \(later)", issuedAt: Self.start + Int64(later))
            #expect(memory.remember(other, now: other.issuedAt) == .fresh)
        }
        #expect(memory.remember(proof, now: Self.start) == .late)
    }

    @Test func filesThatAreNoneOfOursAreRefused() throws {
        let directory = try Directory()
        _ = try directory.table()
        let good = try Data(contentsOf: URL(fileURLWithPath: directory.file))
        for i in 0..<ReplayHeader.byteCount {
            var bytes = good
            bytes[i] ^= 1
            try directory.write(bytes)
            let refusal = directory.refusal()
            #expect(refusal?.code == ((16..<24).contains(i) ? .version : .io), "byte \(i)")
            #expect(refusal?.place == directory.file)
            #expect(try Data(contentsOf: URL(fileURLWithPath: directory.file)) == bytes)
        }
        let wrong = [
            Data("x".utf8), good.prefix(63), good.prefix(64), good.prefix(4096), good.dropLast(), good + Data([0]),
            Data((0..<good.count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 7) }), Data(count: good.count + 1),
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
        let directory = try Directory()
        for left in [0, 1, 4096, 40_000] {
            try directory.write(Data(count: left))
            let table = try directory.table()
            #expect(table.remember(UsedProof(name: "proof", issuedAt: Self.start)) == .fresh)
            let again = try directory.table()
            #expect(again.remember(UsedProof(name: "proof", issuedAt: Self.start)) == .replayed)
        }
    }

    /// A proof comes through a second time only where its own slot was overwritten.
    @Test func damageForgetsNoProofButThoseItHits() throws {
        var random = Seeded.announced("damageForgetsNoProofButThoseItHits")
        for _ in 0..<10 {
            let directory = try Directory()
            let table = try directory.table(capacity: 64)
            func words() throws -> [UInt64] {
                let data = Array(try Data(contentsOf: URL(fileURLWithPath: directory.file))[ReplayHeader.size...])
                return stride(from: 0, to: data.count, by: Self.wordSize).map { start in
                    (0..<Self.wordSize).reduce(0) { $0 | UInt64(data[start + $1]) << (8 * $1) }
                }
            }
            var held = try words()
            var slots: [Int] = []
            let proofs = (0..<150).map {
                UsedProof(name: "proof \($0)", issuedAt: Self.start + Int64.random(in: -60...60, using: &random))
            }
            for proof in proofs {
                #expect(table.remember(proof) == .fresh)
                let now = try words()
                slots.append(try #require(now.indices.first { now[$0] != held[$0] }))
                held = now
            }
            var damaged: Set<Int> = []
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: directory.file))
            for slot in held.indices where Int.random(in: 0..<3, using: &random) == 0 {
                let time = UInt64(Self.start + Int64.random(in: -300...300, using: &random)) << 32
                let word =
                    [0, random.next(), time, .max, held.randomElement(using: &random) ?? 0]
                    .randomElement(using: &random) ?? 0
                try file.seek(toOffset: UInt64(ReplayHeader.size + slot * Self.wordSize))
                try file.write(
                    contentsOf: Data((0..<Self.wordSize).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }))
                damaged.insert(slot)
            }
            for (proof, slot) in zip(proofs, slots) where !damaged.contains(slot) {
                let answer = table.remember(proof)
                #expect(answer == .replayed || answer == .late)
            }
            for n in 0..<500 {
                let proof = UsedProof(name: "new \(n)", issuedAt: Self.start + Int64(n))
                if table.remember(proof) == .fresh { #expect(table.remember(proof) != .fresh) }
            }
        }
    }

    @Test func guardsOfOneDirectoryAcceptAProofOnce() throws {
        let directory = try Directory()
        var options = Authority.Options()
        options.trustDomain = "acme.example"
        let authority = try Authority.open(directory: directory.path, options: options)
        try authority.put(
            Profile(
                name: "researcher", owner: "team:research@acme.example", ceiling: Scope("read_file(path under '/data')")
            ))
        let agent = try authority.startAgent(
            profile: "researcher",
            AgentRequest(
                principal: "user:alice@acme.example", task: "Q3 review", scope: Scope("read_file(path under '/data')")))
        var guardOptions = Guard.Options()
        guardOptions.audience = "files"
        let sharing = [try Guard.open(directory: directory.path, guardOptions), try authority.guarding(guardOptions)]
        guardOptions.sharesReplayMemory = false
        let alone = [try Guard.open(directory: directory.path, guardOptions), try authority.guarding(guardOptions)]
        let (chain, arguments) = (bytes(try agent.chain()), bytes(#"{"path":"/data/a.csv"}"#))
        let proof = bytes(try agent.prove(tool: "read_file", arguments: arguments, audience: "files"))
        func reason(_ guardian: Guard) -> String? {
            guardian.authorize(chain: chain, proof: proof, tool: "read_file", arguments: arguments).denial?.reason
                .rawValue
        }
        #expect(sharing.map(reason) == [nil, "replayed"])
        #expect(alone.map(reason) == [nil, nil])
        #expect(alone.map(reason) == ["replayed", "replayed"])

        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: directory.file)
        guardOptions.sharesReplayMemory = true
        #expect(throws: AgentIDError.self) { try Guard.open(directory: directory.path, guardOptions) }
        guardOptions.sharesReplayMemory = false
        #expect(throws: Never.self) { try Guard.open(directory: directory.path, guardOptions) }
    }
}

/// Counts from many threads.
final class Counter: Sendable {
    private let count = Atomic<Int>(0)
    var value: Int { count.load(ordering: .relaxed) }
    func add() { count.add(1, ordering: .relaxed) }
}
