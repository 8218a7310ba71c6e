import ArgumentParser
import Glibc

/// The words that the program was called with.
enum Arguments {
    /// As the kernel keeps them. Swift's `CommandLine` looks for them on the stack below the environment, and finds none when
    /// a preloaded library has set a variable before the program begins: a command would then be taken for no command.
    static let all = kept.isEmpty ? CommandLine.arguments : kept.map { String(decoding: $0, as: UTF8.self) }

    /// Refuses a word that is not UTF-8. In a text some of its bytes would be others, and a file or a name another one.
    static func refuseMalformed() throws(ValidationError) {
        for (place, word) in kept.enumerated() where String(validating: word, as: UTF8.self) == nil {
            throw ValidationError("argument \(place) is not UTF-8: '\(String(decoding: word, as: UTF8.self))'")
        }
    }

    private static let kept = fromKernel()

    private static func fromKernel() -> [ArraySlice<UInt8>] {
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
    }
}
