import Foundation
import JOSE
import Testing

@testable import AgentID

@Suite(.serialized) struct CommandRunTests {
    /// A shell script that can leave files in a directory of its own, which it finds in `$1`.
    private final class Script {
        let directory = NSTemporaryDirectory() + "agentid-command-" + UUID().uuidString
        let run: CommandRun
        private let ended = DispatchSemaphore(value: 0)
        private let outcomes = Locked<[CommandOutcome]>([])

        init(_ text: String, document: [UInt8] = bytes("{}"), milliseconds: Int64 = 86_400_000) throws {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
            run = CommandRun(
                ["sh", "-c", text, "sh", directory], event: "revoked", document: document, milliseconds: milliseconds)
        }

        deinit { try? FileManager.default.removeItem(atPath: directory) }

        /// Runs in a thread of its own.
        func begin() {
            let (run, ended, outcomes) = (run, ended, outcomes)
            Thread.detachNewThread {
                let outcome = run.run()
                outcomes.withLock { $0 = [outcome] }
                ended.signal()
            }
        }

        /// How what was begun ended, once it has.
        func outcome() -> CommandOutcome? {
            ended.wait()
            return outcomes.withLock { $0.first }
        }

        func file(_ name: String) throws -> [UInt8] {
            Array(try Data(contentsOf: URL(fileURLWithPath: "\(directory)/\(name)")))
        }

        func lines(_ name: String) throws -> [String] {
            String(decoding: try file(name), as: UTF8.self).split(separator: "\n").map(String.init)
        }

        /// The process whose number the script leaves in a file, as soon as it is there. Fails after a minute: a script
        /// that was killed before it wrote leaves none.
        func process(_ name: String) throws -> pid_t {
            for _ in 0..<60_000 {
                guard (try? lines(name).first) == nil else { break }
                usleep(1000)
            }
            return try #require(lines(name).first.flatMap(pid_t.init))
        }
    }

    /// A process's state letter; `nil` where there is none of this number.
    private static func state(of process: pid_t) -> Character? {
        guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let end = text.lastIndex(of: ")")
        else { return nil }
        return text[text.index(after: end)...].first { $0 != " " }
    }

    /// Returns when a process is dead; it may be nobody's here to wait for. Gives up after a minute.
    private static func expectDeath(of process: pid_t) {
        for _ in 0..<60_000 {
            guard let state = state(of: process), state != "Z" else { return }
            usleep(1000)
        }
        Issue.record("process \(process) lives on")
    }

    @Test func commandGetsTheWholeDocumentHoweverItReads() throws {
        let document = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let script = try Script(#"cat > "$1/a"; cat /dev/stdin > "$1/b""#, document: document)
        #expect(script.run.run() == .succeeded)
        #expect(try script.file("a") == document)
        #expect(try script.file("b") == document)
    }

    @Test func documentThatNobodyReadsHarmsNobody() throws {
        let document = [UInt8](repeating: 1, count: 1 << 20)
        #expect(try Script("exec <&-; exit 0", document: document).run.run() == .succeeded)
    }

    @Test func commandHasNothingOfTheHosts() throws {
        let leaked = try #require(FileHandle(forReadingAtPath: "/dev/zero"))
        #expect(fcntl(leaked.fileDescriptor, F_SETFD, 0) == 0)
        unsafe setenv("AGENTID_TEST_SECRET", "secret", 1)
        signal(SIGUSR2, SIG_IGN)
        var (blocked, before) = (sigset_t(), sigset_t())
        unsafe sigaddset(&blocked, SIGUSR1)
        unsafe pthread_sigmask(SIG_BLOCK, &blocked, &before)
        defer {
            unsafe pthread_sigmask(SIG_SETMASK, &before, nil)
            signal(SIGUSR2, SIG_DFL)
        }
        let script = try Script(
            #"""
            tr '\0' '\n' < /proc/$$/environ > "$1/environment"
            (exec ls /proc/self/fd) > "$1/descriptors"
            pwd > "$1/directory"
            cut -d ' ' -f 6 /proc/$$/stat > "$1/session"
            echo $$ > "$1/process"
            """#)
        #expect(script.run.run() == .succeeded)
        let environment = try script.lines("environment")
        #expect(Set(environment.map { $0.prefix { $0 != "=" } }) == ["PATH", "HOME", "LANG", "AGENTID_EVENT"])
        #expect(environment.contains("AGENTID_EVENT=revoked"))
        // The fourth is the directory that `ls` reads.
        #expect(try script.lines("descriptors") == ["0", "1", "2", "3"])
        #expect(try script.lines("directory") == ["/"])
        // Not from the shell, which sets masks of its own. Signals 32 and 33 are glibc's.
        let copy = ["cp", "/proc/self/status", script.directory + "/status"]
        #expect(CommandRun(copy, event: "", document: [], milliseconds: 60_000).run() == .succeeded)
        let signals = try script.lines("status").filter { $0.hasPrefix("SigBlk") || $0.hasPrefix("SigIgn") }
            .map { $0.replacing("180000000", with: "000000000") }
        #expect(signals == ["SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000"])
        #expect(try script.lines("session") == script.lines("process"))
    }

    @Test func failureSaysHowTheCommandEndedAndWhatItWrote() throws {
        #expect(
            try Script("echo broken >&2; exit 3").run.run() == .failed(.status(3), errors: "broken\n"))
        #expect(try Script("kill -9 $$").run.run() == .failed(.signal(9), errors: ""))
        let escape = try Script(#"printf '\033[2Jhello\377' >&2; exit 1"#).run.run()
        #expect(escape == .failed(.status(1), errors: "\u{FFFD}[2Jhello\u{FFFD}"))
        #expect(escape.description == "the command ended with status 1: \u{FFFD}[2Jhello\u{FFFD}")
    }

    @Test func gigabyteOfOutputIsReadAndThrownAway() throws {
        let script = try Script("head -c 1000000000 /dev/zero | tr '\\0' x | tee /dev/stderr; exit 1")
        #expect(
            script.run.run() == .failed(.status(1), errors: String(repeating: "x", count: CommandRun.errorsKept)))
    }

    @Test func commandThatNeverEndsIsKilledAtItsDeadline() throws {
        // On a busy machine a shell may take longer than the shortest of these to begin.
        for milliseconds: Int64 in [300, 3000, 30_000] {
            let script = try Script(
                #"""
                trap '' TERM INT HUP
                sleep 1000 & echo $! > "$1/child"
                echo $$ > "$1/leader"
                while :; do yes; done >&2
                """#,
                milliseconds: milliseconds)
            #expect(script.run.run() == .timedOut)
            guard (try? script.lines("leader").first) != nil || milliseconds == 30_000 else { continue }
            #expect(Self.state(of: try script.process("leader")) == nil)
            return Self.expectDeath(of: try script.process("child"))
        }
    }

    @Test func stoppedProcessIsKilledAtItsDeadlineToo() throws {
        #expect(try Script("kill -STOP $$", milliseconds: 300).run.run() == .timedOut)
    }

    @Test func whatTheCommandLeavesInItsGroupIsKilledWhenItEnds() throws {
        let script = try Script(#"sleep 1000 & echo $! > "$1/child"; exit 0"#)
        #expect(script.run.run() == .succeeded)
        Self.expectDeath(of: try script.process("child"))
    }

    @Test func daemonThatKeepsThePipesOpenKeepsNobodyWaiting() throws {
        let script = try Script(
            #"setsid sh -c 'echo $$ > "$1/daemon"; exec sleep 1000' sh "$1" & until [ -s "$1/daemon" ]; do :; done"#)
        #expect(script.run.run() == .succeeded)
        // In a session of its own it is out of reach, and was not waited for.
        let daemon = try script.process("daemon")
        #expect(Self.state(of: daemon).map { $0 != "Z" } == true)
        kill(daemon, SIGKILL)
    }

    @Test func runStopsWhenAnotherThreadSaysSo() throws {
        let script = try Script(#"echo $$ > "$1/leader"; sleep 1000"#)
        script.begin()
        let leader = try script.process("leader")
        script.run.stop()
        #expect(script.outcome() == .stopped)
        #expect(Self.state(of: leader) == nil)
        script.run.stop()
    }

    @Test func runThatWasStoppedBeforeNeverBegins() throws {
        let script = try Script(#"touch "$1/begun""#)
        script.run.stop()
        #expect(script.run.run() == .stopped)
        #expect(!FileManager.default.fileExists(atPath: script.directory + "/begun"))
    }

    @Test func whatCannotStartSaysWhy() throws {
        func outcome(_ command: [String], event: String = "created") -> CommandOutcome {
            CommandRun(command, event: event, document: [], milliseconds: 1000).run()
        }
        #expect(outcome(["/no/such/program"]) == .cannotStart(errno: ENOENT))
        #expect(outcome(["agentid-no-such-program"]) == .cannotStart(errno: ENOENT))
        #expect(outcome(["/etc/passwd"]) == .cannotStart(errno: EACCES))
        #expect(outcome([]) == .cannotStart(errno: EINVAL))
        #expect(outcome([""]) == .cannotStart(errno: EINVAL))
        #expect(outcome(["true", "a\0b"]) == .cannotStart(errno: EINVAL))
        #expect(outcome(["true"], event: "a\0b") == .cannotStart(errno: EINVAL))
        #expect(outcome(["/etc/passwd"]).description.contains("Permission denied"))
        let again = CommandRun(["true"], event: "created", document: [], milliseconds: 60_000)
        #expect(again.run() == .succeeded)
        #expect(again.run() == .cannotStart(errno: EALREADY))
    }

    /// The host's own children stay the host's to wait for.
    @Test func runWaitsForNoOtherChild() async {
        await #expect(processExitsWith: .success) {
            let other = try Process.run(URL(fileURLWithPath: "/bin/sh"), arguments: ["-c", "exit 7"])
            Self.expectDeath(of: other.processIdentifier)
            guard try Script("exit 0").run.run() == .succeeded else { exit(3) }
            other.waitUntilExit()
            guard other.terminationStatus == 7 else { exit(4) }
        }
    }

    @Test func hostThatIgnoresItsChildrenIsToldHowTheyEnded() async {
        await #expect(processExitsWith: .success) {
            signal(SIGCHLD, SIG_IGN)
            guard try Script("exit 0").run.run() == .succeeded else { exit(3) }
            guard try Script("exit 5").run.run() == .failed(.status(5), errors: "") else { exit(4) }
            var action = sigaction()
            action.sa_flags = SA_NOCLDWAIT
            let status = unsafe sigaction(SIGCHLD, &action, nil)
            guard status == 0 else { exit(5) }
            guard try Script("exit 0").run.run() == .succeeded else { exit(6) }
        }
    }

    @Test func hostThatWaitsForEveryChildTakesNoneOfOurs() async {
        await #expect(processExitsWith: .success) {
            let taken = Locked(0)
            Thread.detachNewThread {
                while true {
                    if waitpid(-1, nil, 0) > 0 { taken.withLock { $0 += 1 } } else { usleep(100) }
                }
            }
            for status in 0..<30 {
                let outcome = try Script("sleep 0.01; exit \(status)").run.run()
                guard outcome == (status == 0 ? .succeeded : .failed(.status(Int32(status)), errors: "")) else {
                    exit(3)
                }
            }
            guard taken.withLock({ $0 }) == 0 else { exit(4) }
        }
    }

    /// What a command starts, also what leaves its session and its group, in a file for each.
    private static let family = #"""
        setsid sh -c 'trap "" TERM HUP; echo $$ > "$1/daemon"; while :; do sleep 1000; done' sh "$1" &
        sleep 1000 & echo $! > "$1/child"
        until [ -s "$1/daemon" ]; do :; done
        echo $$ > "$1/leader"; while :; do sleep 1000; done
        """#

    @Test func commandDiesWithAllItStartedWhenItsHostIsKilled() async throws {
        let directory = try TemporaryDirectory()
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [path = directory.path as String, text = Self.family as String] in
            let run = CommandRun(
                ["sh", "-c", text, "sh", path], event: "", document: [], milliseconds: 86_400_000)
            Thread.detachNewThread { _ = run.run() }
            // Written, not only made.
            while (try? String(contentsOfFile: "\(path)/leader", encoding: .utf8))?.last != "\n" { usleep(1000) }
            kill(getpid(), SIGKILL)
        }
        for name in ["leader", "child", "daemon"] {
            let text = try String(contentsOfFile: "\(directory.path)/\(name)", encoding: .utf8)
            Self.expectDeath(of: try #require(pid_t(text.dropLast())))
        }
    }

    @Test func whatLeftItsSessionIsKilledAtTheDeadlineToo() throws {
        let script = try Script(Self.family, milliseconds: 1500)
        #expect(script.run.run() == .timedOut)
        for name in ["leader", "child", "daemon"] { #expect(Self.state(of: try script.process(name)) == nil) }
    }

    @Test func commandDiesWithItsKeeper() throws {
        let script = try Script(#"cut -d ' ' -f 4 /proc/$$/stat > "$1/keeper"; echo $$ > "$1/leader"; sleep 1000"#)
        script.begin()
        let leader = try script.process("leader")
        kill(try script.process("keeper"), SIGKILL)
        #expect(script.outcome() == .failed(.unknown, errors: ""))
        Self.expectDeath(of: leader)
    }

    @Test func noDescriptorIsLeftOpen() throws {
        func descriptors() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count }
        #expect(try Script("exit 0").run.run() == .succeeded)
        let before = try descriptors()
        for n in 0..<200 {
            let program = n % 2 == 0 ? "true" : "/no/such/program"
            _ = CommandRun([program], event: "created", document: bytes("{}"), milliseconds: 60_000).run()
        }
        // Other tests open a few meanwhile.
        #expect(try descriptors() < before + 100)
    }
}
