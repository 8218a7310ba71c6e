import Glibc

/// The lines of stdin as raw bytes. Of a line that is too long, the beginning is enough to refuse it.
struct LineReader {
    private let limit: Int
    private var waiting: [UInt8] = []
    private var start = 0
    private var hasEnded = false

    init(limit: Int) { self.limit = limit }

    /// The next line without its newline; `nil` after the last.
    mutating func next() -> (bytes: [UInt8], isCut: Bool)? {
        var line: [UInt8] = []
        var isCut = false
        while true {
            let rest = waiting[start...]
            let end = rest.firstIndex(of: UInt8(ascii: "\n"))
            let part = rest[..<(end ?? rest.endIndex)]
            isCut = isCut || line.count + part.count > limit
            line += part.prefix(limit - line.count)
            if let end {
                start = end + 1
                break
            }
            start = waiting.count
            guard !hasEnded, fill() else {
                if line.isEmpty, !isCut { return nil }
                break
            }
        }
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        return (line, isCut)
    }

    /// Reads more of stdin; `false` at its end.
    private mutating func fill() -> Bool {
        (waiting, start) = ([UInt8](repeating: 0, count: 1 << 16), 0)
        var count = -1
        repeat {
            count = unsafe waiting.withUnsafeMutableBytes { unsafe read(STDIN_FILENO, $0.baseAddress, $0.count) }
        } while count < 0 && errno == EINTR
        waiting.removeLast(waiting.count - max(count, 0))
        hasEnded = count <= 0
        return count > 0
    }
}
