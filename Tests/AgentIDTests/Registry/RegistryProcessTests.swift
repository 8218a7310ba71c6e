import Foundation
import Testing

@testable import AgentID

/// Several threads and processes on one registry, and machines that refuse to write.
@Suite struct RegistryProcessTests {
    @Test func nothingIsLostBetweenThreadsAndConnections() async throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/registry.db"
        let registries = [try Shelf(at: path).registry, try Shelf.open(path)]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for thread in 0..<8 {
                let registry = registries[thread % 2]
                group.addTask {
                    for i in 0..<25 {
                        try registry.write { registry in
                            try registry.add(1, to: "calls")
                            _ = try registry.add([Revocation(.grant, "\(thread).\(i)")], at: 1, reason: nil)
                        }
                        _ = try registry.read { registry throws in
                            // One snapshot: what is announced together is seen together.
                            let (meta, count) = (try registry.meta(), try registry.revocationCount())
                            #expect(meta.sequence == count + 1)
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        for registry in registries {
            #expect(try registry.read { try $0.counter("calls") } == 200)
            #expect(try registry.read { try $0.revocations(after: 0, limit: 1000) }.map(\.sequence) == Array(1...200))
        }
    }

    @Test func onlyOneOfManyProcessesCreatesARegistry() async throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/registry.db"
        func create() async {
            await #expect(processExitsWith: .success) { [path = path as String] in
                let shelf = try Shelf(at: path)
                for _ in 0..<20 { _ = try shelf.write { try $0.add(1, to: "calls") } }
            }
        }
        async let one: Void = create()
        async let two: Void = create()
        async let three: Void = create()
        _ = await (one, two, three)
        let registry = try Shelf.open(path)
        #expect(try registry.read { try $0.keys() }.count == 1)
        #expect(try registry.read { try $0.meta() }.sequence == 1)
        #expect(try registry.read { try $0.counter("calls") } == 60)
    }

    @Test func changeOfAnotherProcessMovesTheWord() async throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/registry.db"
        let shelf = try Shelf(at: path)
        let before = shelf.registry.changes
        await #expect(processExitsWith: .success) { [path = path as String] in
            let revocation = try Revocation(.grant, "g")
            _ = try Shelf.open(path).write { try $0.add([revocation], at: 1, reason: nil) }
        }
        #expect(shelf.registry.changes != before)
        #expect(try shelf.read { try $0.revocationCount() } == 1)
    }

    @Test func processKilledInItsTransactionLeavesNothingOfIt() async throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/registry.db"
        let registry = try Shelf.make(path)
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
            let registry = try Shelf.open(path)
            try registry.write { try $0.append(event: [1]) }
            try registry.write { registry in
                for i in 0..<3000 { try registry.append(event: Array(repeating: 2, count: i)) }
                _ = try registry.add([Revocation(.grant, "g")], at: 1, reason: nil)
                kill(getpid(), SIGKILL)
            }
        }
        #expect(try registry.read { try $0.events(limit: 9) }.map(\.line) == [[1]])
        #expect(try registry.read { try $0.revocationCount() } == 0)
        // Nor is anybody kept waiting by it.
        #expect(try registry.write { try $0.add(1, to: "c") } == 1)
        try registry.checkIntegrity()
    }

    @Test func readOnlyDirectoryIsAClearErrorAndStillRead() async throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/registry.db"
        _ = try Shelf(at: path)
        await #expect(processExitsWith: .success) { [path = path as String] in
            // Root writes everywhere: be nobody.
            let parent = String(path.prefix(path.count - "/registry.db".count))
            for file in ["", ".sequence"] { setMode(path + file, 0o400) }
            if geteuid() == 0 {
                for file in [parent, path, path + ".sequence"] { setOwner(file, 65_534) }
                setMode(parent, 0o500)
                guard setgid(65_534) == 0, setuid(65_534) == 0 else { exit(3) }
            } else {
                setMode(parent, 0o500)
            }
            do {
                let page = try SharedSequence(path: "\(path).sequence", isWriter: false)
                _ = try SQLiteRegistry.open(path, access: .write, page: page).write { try $0.add(1, to: "c") }
                exit(4)
            } catch {
                guard (error as? AgentIDError)?.code == .io else { exit(5) }
            }
        }
        setMode(path, 0o600)
        for file in [path, path + ".sequence", directory.path] { setOwner(file, geteuid()) }
        setMode(directory.path, 0o700)
        #expect(try Shelf.open(path, .read).read { try $0.counter("c") } == 0)
    }

    @Test func diskThatEndsInTheMiddleLeavesWholeTransactions() async throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/registry.db"
        _ = try Shelf(at: path)
        await #expect(processExitsWith: .success) { [path = path as String] in
            signal(SIGXFSZ, SIG_IGN)
            let registry = try Shelf.open(path)
            var limit = rlimit(rlim_cur: 300_000, rlim_max: 300_000)
            guard unsafe setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0 else { exit(3) }
            for i in 0..<1000 {
                do {
                    try registry.write { registry in
                        for part in 0..<4 {
                            try registry.append(event: Array(repeating: UInt8(part), count: 2000))
                            _ = try registry.add([Revocation(.grant, "\(i).\(part)")], at: 1, reason: nil)
                        }
                    }
                } catch {
                    guard (error as? AgentIDError)?.code == .io, i > 0 else { exit(4) }
                    let (events, revoked) = try registry.read { registry in
                        (try registry.events(limit: 10_000).count, try registry.revocationCount())
                    }
                    guard events == 4 * i, revoked == 4 * i else { exit(5) }
                    return
                }
            }
            exit(6)
        }
        let registry = try Shelf.open(path)
        try registry.checkIntegrity()
        let (events, revoked) = try registry.read { registry in
            (try registry.events(limit: 10_000).count, try registry.revocationCount())
        }
        #expect(events > 0 && events % 4 == 0 && Int64(events) == revoked)
    }
}
