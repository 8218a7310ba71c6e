import Glibc

/// The words that the program was called with.
enum Arguments {
    /// As the kernel keeps them. Swift's `CommandLine` looks for them on the stack below the environment, and finds none when
    /// a preloaded library has set a variable before the program begins: a command would then be taken for no command.
    static let all: [String] = {
        let kept = fromKernel()
        return kept.isEmpty ? CommandLine.arguments : kept
    }()

    private static func fromKernel() -> [String] {
        let file = unsafe open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return [] }
        defer { _ = close(file) }
        var bytes: [UInt8] = []
        while true {
            var failed = false
            let part = unsafe [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
                let read = unsafe read(file, buffer.baseAddress, buffer.count)
                (failed, count) = (read < 0, max(read, 0))
            }
            if failed { return [] }
            if part.isEmpty { break }
            bytes += part
        }
        return bytes.split(separator: 0, omittingEmptySubsequences: false).dropLast()
            .map { String(decoding: $0, as: UTF8.self) }
    }
}
