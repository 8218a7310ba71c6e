import AgentID
import Dispatch
import Glibc
import JOSE
import Policy

/// A process for tests that kill it: `audit-process <mode> <directory> ...` appends to an audit log, or takes from meters.
@main struct AuditProcess {
    static func main() {
        let arguments = CommandLine.arguments
        do {
            switch arguments.dropFirst().first {
            case "append": try append(Array(arguments.dropFirst(2)))
            case "fork": try fork(Array(arguments.dropFirst(2)))
            case "bench": try bench(Array(arguments.dropFirst(2)))
            case "budget": try budget(Array(arguments.dropFirst(2)))
            case "meters": try meters(Array(arguments.dropFirst(2)))
            default: exit(2)
            }
        } catch {
            print("\(error)")
            exit(1)
        }
    }

    /// `append <directory> <origin> <name> <count> [<key file>]`: says the number of each line whose append returned.
    static func append(_ arguments: [String]) throws {
        let log = try open(arguments[0], arguments[1], key: arguments.dropFirst(4).first)
        for i in 0..<(Int(arguments[3]) ?? 0) {
            try log.append(Array("\(arguments[2])-\(i)".utf8))
            let said = Array("\(i)\n".utf8)
            _ = unsafe said.withUnsafeBytes { unsafe write(1, $0.baseAddress, $0.count) }
        }
        log.close()
    }

    static func open(_ directory: String, _ origin: String, key: String?) throws -> AuditLog {
        var options = AuditOptions()
        options.sync = .batch(milliseconds: 1)
        options.checkpointInterval = 1
        options.segmentSize = 1 << 13
        options.maxLine = 1 << 10
        return try AuditLog.open(
            directory: directory, origin: origin, signer: try key.map { try signer($0) }, options: options)
    }

    static func signer(_ path: String) throws -> SigningKey {
        guard let file = unsafe fopen(path, "r") else { throw JOSEError("file", "no key") }
        defer { unsafe fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1024)
        let count = unsafe fread(&bytes, 1, bytes.count, file)
        bytes.removeLast(bytes.count - count)
        return try SigningKey(jwk: bytes.span)
    }

    @_silgen_name("fork") private static func forkNow() -> Int32

    /// `fork <directory> <origin>`: a child must not append through what it inherited, and may open the log anew.
    static func fork(_ arguments: [String]) throws {
        let log = try open(arguments[0], arguments[1], key: nil)
        try log.append(Array("parent-0".utf8))
        let child = forkNow()
        if child == 0 {
            do throws(AgentIDError) {
                try log.append(Array("child-0".utf8))
                _exit(1)
            } catch { if error.name != "forked" { _exit(2) } }
            log.close()
            guard let anew = try? open(arguments[0], arguments[1], key: nil),
                (try? anew.append(Array("child-1".utf8))) != nil
            else { _exit(3) }
            anew.close()
            _exit(0)
        }
        try log.append(Array("parent-1".utf8))
        var status: Int32 = 0
        unsafe waitpid(child, &status, 0)
        try log.append(Array("parent-2".utf8))
        log.close()
        print("child \(status)")
    }

    /// `meters <file> <name> <calls> <period> <tries>`: takes from a rate of a page of meters with 4 threads; says `.` for each
    /// call that it took, after it did.
    static func meters(_ arguments: [String]) throws {
        let numbers = arguments.dropFirst(2).compactMap { Int64($0) }
        guard let rate = GCRA(calls: numbers[0], period: numbers[1], burst: numbers[0]) else { exit(2) }
        let clock = SystemClock()
        let page = try MetersPage(path: arguments[0], believesSteps: false, now: clock.milliseconds)
        let name = arguments[1]
        DispatchQueue.concurrentPerform(iterations: 4) { _ in
            for _ in 0..<numbers[2] {
                do throws(Denial) {
                    let time = try page.look(clock.milliseconds)
                    guard try page.take(page.slot(of: page.key([name]), .rate, at: time), rate, at: time) == nil else {
                        continue
                    }
                    _ = unsafe write(1, ".", 1)
                } catch {
                    print("\(error)")
                    exit(1)
                }
            }
        }
    }

    /// `budget <directory> <limit> <amount> <tries>`: spends of a budget with 4 threads, and gives every fourth amount back;
    /// says `.` for each amount that is spent, after it was reserved.
    static func budget(_ arguments: [String]) throws {
        let numbers = arguments.dropFirst().compactMap { Int64($0) }
        let clock = SystemClock()
        let page = try MetersPage(path: "\(arguments[0])/meters", believesSteps: false, now: clock.milliseconds)
        let ledger = try BudgetLedger(directory: arguments[0], page)
        DispatchQueue.concurrentPerform(iterations: 4) { thread in
            for i in 0..<numbers[2] {
                do throws(Denial) {
                    let time = try page.look(clock.milliseconds)
                    let account = BudgetAccount(["spend"], limit: numbers[0], length: nil, end: 1 << 42, at: time)
                    guard case .reserved(let hold) = try ledger.reserve(numbers[1], of: [account], at: time) else {
                        continue
                    }
                    if i % 4 == thread {
                        try hold.refund()
                    } else {
                        _ = unsafe write(1, ".", 1)
                    }
                } catch {
                    // Another process was held up, or killed, while it had the registry.
                    guard error.reason.rawValue == "budget_unavailable" else {
                        print("\(error)")
                        exit(1)
                    }
                }
            }
        }
    }

    /// `bench <directory>`: what an append costs now and then, and at full speed; for people, not for tests.
    static func bench(_ arguments: [String]) throws {
        let signer = try SigningKey.generate()
        let log = try AuditLog.open(directory: arguments[0], origin: "bench.example/audit", signer: signer)
        let line = [UInt8](repeating: 0x61, count: 400)
        func time(_ count: Int) throws -> Int {
            var (start, end) = (timespec(), timespec())
            unsafe clock_gettime(CLOCK_MONOTONIC, &start)
            for _ in 0..<count { try log.append(line) }
            unsafe clock_gettime(CLOCK_MONOTONIC, &end)
            return ((end.tv_sec - start.tv_sec) * 1_000_000_000 + end.tv_nsec - start.tv_nsec) / count
        }
        var paced: [Int] = []
        for _ in 0..<30 {
            paced.append(try time(100))
            usleep(120_000)
        }
        print("paced: median \(paced.sorted()[15]) ns, least \(paced.min() ?? 0) ns for each append of 400 bytes")
        print("full speed: \(try time(300_000)) ns")
        var (start, end) = (timespec(), timespec())
        unsafe clock_gettime(CLOCK_MONOTONIC, &start)
        try log.integrate()
        unsafe clock_gettime(CLOCK_MONOTONIC, &end)
        let milliseconds = (end.tv_sec - start.tv_sec) * 1000 + (end.tv_nsec - start.tv_nsec) / 1_000_000
        print("integrated in \(milliseconds) ms")
        log.close()
    }
}
