import AgentID
import FoundationEssentials
import Glibc
import JOSE
import StrictJSON

/// Data on stdout, messages on stderr, exit statuses.
enum Console {
    /// Writes data on stdout. Only printable text gets there, or to stderr.
    static func data(_ text: PrintableText) {
        guard write(text.string.utf8.last == 0x0A ? text.string : text.string + "\n", to: STDOUT_FILENO) else {
            fail(Fault(file: "stdout"))
        }
    }

    /// Writes a document on one line that reads back unchanged: invisible characters are escaped in its texts.
    @_disfavoredOverload
    static func data(_ tree: JSONTree) { data(PrintableText(tree)) }

    /// Writes evidence: byte for byte as it was signed, but as printable text on a terminal.
    static func evidence(_ text: String) {
        data(isatty(STDOUT_FILENO) == 1 ? PrintableText(lines: text) : PrintableText(verbatim: text))
    }

    /// Asks on the terminal whether to go on; false where there is none, or stdin is given to something else.
    static func confirms(_ question: PrintableText) -> Bool {
        guard isatty(STDIN_FILENO) == 1, isatty(STDERR_FILENO) == 1, !isJSON else { return false }
        write("\(question.string). Go on? Type yes: ", to: STDERR_FILENO)
        return readLine()?.isSame(as: "yes") ?? false
    }

    static func message(_ text: PrintableText) { write(text.string + "\n", to: STDERR_FILENO) }

    /// Returns whether all of it was written.
    @discardableResult
    static func write(_ text: String, to descriptor: Int32) -> Bool { write(Array(text.utf8), to: descriptor) }

    /// Returns whether all of it was written.
    static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    static func end(_ status: Int32) -> Never { exit(status) }

    /// Whether the arguments ask for JSON; known before they are parsed, since that can fail.
    static let isJSON = Arguments.all.dropFirst().prefix { !$0.isSame(as: "--") }
        .contains { $0.isSame(as: "--json") }

    /// Writes an error on stderr, on one line: for people, or as the document that `--json` asks for.
    static func error(_ error: any Error, _ context: String = "") {
        guard isJSON else { return message("agentidctl: \(context)\("\(error)")") }
        message(PrintableText(ErrorDocument(error).tree))
    }

    /// Writes an error and ends the program.
    static func fail(_ failure: any Error) -> Never {
        error(failure)
        end(1)
    }

    /// Reads a text of at most `limit` bytes from a file; `-` is stdin.
    static func read(_ path: String, limit: Int = 1 << 20) throws -> [UInt8] {
        let file = try descriptor(of: path)
        defer { if file != STDIN_FILENO { close(file) } }
        return try read(file, named: path, limit: limit)
    }

    /// Opens a file to be read; `-` is stdin. Content that was given in the place of a name, perhaps a key, is not
    /// repeated.
    private static func descriptor(of path: String) throws(Fault) -> Int32 {
        if path.isSame(as: "-") { return STDIN_FILENO }
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        if file >= 0 { return file }
        let isContent = path.utf8.contains { $0 < 0x20 || $0 == UInt8(ascii: "{") } || path.starts(exactly: "eyJ")
        guard errno == ENAMETOOLONG || isContent && (errno == ENOENT || errno == ENOTDIR) else {
            throw Fault(file: path)
        }
        throw Fault(
            "the name of a file is needed, or - for stdin, and this is what would be in one", code: "io", reason: "file"
        )
    }

    /// Reads the rest of an open file, at most `limit` bytes.
    static func read(_ file: Int32, named path: String, limit: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count <= limit {
            let count = unsafe piece.withUnsafeMutableBytes { unsafe Glibc.read(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Fault(file: path, "cannot be read") }
            if count == 0 { return bytes }
            bytes += piece.prefix(count)
        }
        throw Fault("\(path) is longer than \(limit) bytes", code: "limit", reason: "file", path: path)
    }

    /// Reads a passphrase from a file, without one line's end, LF or CR LF; `-` is stdin. It is read into guarded memory.
    static func passphrase(_ path: String) throws -> Passphrase {
        let file = try descriptor(of: path)
        defer { if file != STDIN_FILENO { close(file) } }
        guard let memory = GuardedBytes(count: Passphrase.longest + 3) else {
            throw Fault("there is no guarded memory")
        }
        let count = unsafe memory.withUnsafeMutableBytes { memory -> Int? in
            var filled = 0
            while filled < memory.count {
                let count = unsafe Glibc.read(
                    file, memory.baseAddress.map { unsafe $0 + filled }, memory.count - filled)
                if count < 0, errno == EINTR { continue }
                guard count >= 0 else { return nil }
                if count == 0 { break }
                filled += count
            }
            return filled
        }
        guard let count else { throw Fault(file: path, "cannot be read") }
        return try memory.withSpan { bytes in
            let length = lineLength(bytes.extracting(0..<count))
            return Result { () throws(AgentIDError) in try Passphrase(bytes.extracting(0..<length)) }
        }.get()
    }

    /// The text without one line's end, which editors add: LF, or CR LF as on Windows.
    static func line(_ bytes: [UInt8]) -> [UInt8] { Array(bytes.prefix(lineLength(bytes.span))) }

    private static func lineLength(_ bytes: Span<UInt8>) -> Int {
        guard bytes.count > 0, bytes[bytes.count - 1] == 0x0A else { return bytes.count }
        return bytes.count > 1 && bytes[bytes.count - 2] == 0x0D ? bytes.count - 2 : bytes.count - 1
    }

    /// The system's message for the call that just failed.
    static var lastError: String { unsafe String(cString: strerror(errno)) }

    /// Writes a file that does not exist yet, so that it survives a power cut.
    static func create(_ path: String, mode: mode_t, _ bytes: Span<UInt8>) throws {
        let file = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
        guard file >= 0 else { throw Fault(file: path) }
        defer { close(file) }
        let written = unsafe bytes.withUnsafeBufferPointer { unsafe Glibc.write(file, $0.baseAddress, $0.count) }
        guard written == bytes.count, fsync(file) == 0 else {
            _ = unsafe unlink(path)
            throw Fault(file: path, "cannot be written")
        }
        do { try Files.syncName(of: path) } catch {
            _ = unsafe unlink(path)
            throw error
        }
    }

    /// A number with its noun, e.g. `3 agents`.
    static func count(_ count: Int, _ one: String, _ many: String? = nil) -> String {
        "\(count) \(count == 1 ? one : many ?? one + "s")"
    }

    enum Colour: String { case red = "31", green = "32", bold = "1", dim = "2" }

    /// Coloured on a terminal only, and never if NO_COLOR is set (no-color.org).
    static func coloured(_ text: PrintableText, _ colour: Colour) -> PrintableText {
        isColoured ? "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m" : text
    }

    private static let isColoured: Bool = {
        let environment = ProcessInfo.processInfo.environment
        return isatty(STDOUT_FILENO) == 1 && (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
    }()

    /// A time for people, e.g. `2026-11-24T02:50:00Z, in 5m`.
    static func time(_ seconds: Int) -> String {
        guard (0...253_402_300_799).contains(seconds) else { return "\(seconds)" }
        let left = seconds - Int(now)
        return "\(date(seconds)), " + (left > 0 ? "in \(span(left))" : "\(span(-left)) ago")
    }

    /// Seconds since 1970 as `2026-11-24T02:50:00Z`.
    static func date(_ seconds: Int) -> String {
        Date(timeIntervalSince1970: TimeInterval(seconds)).formatted(.iso8601)
    }

    /// In seconds since 1970.
    static var now: Int64 { milliseconds / 1000 }

    /// In milliseconds since 1970; of a clock that is beyond the years 1 to 9999 the nearest of these.
    static var milliseconds: Int64 {
        Int64(min(max(Date().timeIntervalSince1970, -62_135_596_800), 253_402_300_799) * 1000)
    }

    /// A duration in seconds, for people, e.g. `5m`.
    static func span(_ seconds: Int) -> String {
        switch seconds {
        case ..<120: "\(seconds)s"
        case ..<7200: "\(seconds / 60)m"
        case ..<172_800: "\(seconds / 3600)h"
        default: "\(seconds / 86400)d"
        }
    }
}
