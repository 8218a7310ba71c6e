internal import CProcess
internal import Glibc
internal import StrictJSON

/// Names the process that holds a lock, as far as the kernel tells.
enum LockHolder {
    /// `process 4711 (python3)`: another process that holds a lock on a file; `nil` if none is known.
    static func name(of path: String) -> String? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        // proc(5): number, kind, ADVISORY, READ or WRITE, process, major:minor:inode, start, end.
        for line in Files.readKernelLines("/proc/locks") {
            let fields = line.split(separator: 0x20).map { String(decoding: $0, as: UTF8.self) }
            guard fields.count >= 8, fields[3].isSame(as: "WRITE"), let process = pid_t(fields[4]), process > 0,
                process != getpid(),
                fields[5].utf8.reversed().starts(with: ":\(status.st_ino)".utf8.reversed())
            else { continue }
            let command = Files.readKernelFile("/proc/\(process)/comm").filter { (0x20...0x7E).contains($0) }
            return command.isEmpty
                ? "process \(process)" : "process \(process) (\(String(decoding: command, as: UTF8.self)))"
        }
        return nil
    }
}

extension Files {
    /// Reads the lines, at most 1 MiB of them, of a file that the kernel generates as it is read.
    static func readKernelLines(_ path: String) -> [ArraySlice<UInt8>] {
        let file = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return [] }
        defer { _ = Glibc.close(file) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count < 1 << 20 {
            let count = unsafe part.withUnsafeMutableBytes { unsafe Glibc.read(file, $0.baseAddress, $0.count) }
            guard count > 0 else { break }
            bytes += part[..<count]
        }
        return bytes.split(separator: 0x0A)
    }
}
