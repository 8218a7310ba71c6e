import FoundationEssentials
import Glibc

/// The processes of this machine but this one.
enum OtherProcesses {
    static var all: [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { Int32($0) }.filter { $0 != getpid() }.sorted()
    }

    /// As `process 4711 (python3)`.
    static func words(_ process: Int32) -> String {
        let command = (try? Console.read("/proc/\(process)/comm")).map { Console.line($0) } ?? []
        return "process \(process) (\(String(decoding: command, as: UTF8.self)))"
    }
}
