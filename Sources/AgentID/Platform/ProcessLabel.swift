internal import CProcess
internal import Glibc

/// A name that no other running process of this machine has: the process ID and its start time.
enum ProcessLabel {
    static func make() -> String {
        // The name in parentheses may hold anything, so the fields after it are counted.
        let status = Files.readKernelFile("/proc/self/stat")
        let fields = status[(status.lastIndex(of: UInt8(ascii: ")")).map { $0 + 1 } ?? status.endIndex)...]
            .split(separator: UInt8(ascii: " "))
        // proc(5): starttime is the 22nd field, the 20th after the name.
        let started = fields.count > 19 ? String(decoding: fields[19], as: UTF8.self) : "0"
        return "\(getpid()):\(started)"
    }
}
