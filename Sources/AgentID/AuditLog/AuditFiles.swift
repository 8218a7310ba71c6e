internal import CProcess
internal import Glibc
internal import StrictJSON

/// The audit log's other operations on the disk, besides reading segments and storing into its own. It is a seam: tests
/// can stop the log between any two steps.
protocol AuditFiles: Sendable {
    /// The log's directory, if it is held: then every path below it is taken from there.
    var held: HeldDirectory? { get }
    /// Reads a whole file of at most `limit` bytes; `nil` if it does not exist.
    func read(_ path: String, limit: Int) throws(AgentIDError) -> [UInt8]?
    /// Writes a whole file, durably, replacing an existing one.
    func replace(_ path: String, with bytes: [UInt8]) throws(AgentIDError)
    /// Writes a whole file, replacing an existing one; durable after `sync` of it and of its directory.
    func write(_ path: String, _ bytes: [UInt8]) throws(AgentIDError)
    /// Makes a file's bytes, or a directory's names, durable.
    func sync(_ path: String) throws(AgentIDError)
    func makeDirectory(_ path: String) throws(AgentIDError)
    /// Removes a file, if it still exists; durable after `sync` of its directory.
    func remove(_ path: String) throws(AgentIDError)
    /// Renames a file; durable after `sync` of its directory.
    func rename(_ path: String, to target: String) throws(AgentIDError)
    /// The names in a directory, sorted; none if the directory does not exist.
    func list(_ path: String) throws(AgentIDError) -> [String]
    /// Gives an open file its size and the blocks for it. Returns the error number, 0 for none.
    func allocate(_ file: Int32, size: Int) -> Int32
}

/// The machine's files.
struct SystemAuditFiles: AuditFiles {
    private(set) var held: HeldDirectory?

    /// Takes each path as it stands.
    init() {}

    /// Holds the directory of a log.
    init(holding directory: String) throws(AgentIDError) { held = try HeldDirectory(directory) }

    func read(_ path: String, limit: Int) throws(AgentIDError) -> [UInt8]? {
        guard let file = try Files.openIfPresent(path, .read, in: held) else { return nil }
        defer { _ = close(file) }
        var status = stat()
        guard unsafe fstat(file, &status) == 0 else { throw Files.failure("cannot look at", path) }
        guard status.st_size <= limit else {
            throw AgentIDError(.limit, name: "file", message: "\(path) is larger than \(limit) bytes", at: path)
        }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        guard let count = Self.read(file, into: &bytes, from: 0) else { throw Files.failure("cannot read", path) }
        return count == bytes.count ? bytes : Array(bytes[..<count])
    }

    /// Fills `bytes` from an offset of a file, as far as the file goes. Returns `nil` on an error.
    static func read(_ file: Int32, into bytes: inout [UInt8], from offset: Int) -> Int? {
        var filled = 0
        while filled < bytes.count {
            let count = unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe pread(
                    file, buffer.baseAddress.map { unsafe $0 + filled }, buffer.count - filled, offset + filled)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return nil }
            if count == 0 { break }
            filled += count
        }
        return filled
    }

    func replace(_ path: String, with bytes: [UInt8]) throws(AgentIDError) {
        try Files.replace(path, with: bytes.span, in: held)
    }

    func write(_ path: String, _ bytes: [UInt8]) throws(AgentIDError) {
        try Files.replace(path, with: bytes.span, isDurable: false, in: held)
    }

    func sync(_ path: String) throws(AgentIDError) { try Files.sync(path, in: held) }

    func makeDirectory(_ path: String) throws(AgentIDError) { try Files.makeDirectory(path, in: held) }

    func remove(_ path: String) throws(AgentIDError) {
        let way = FileWay(path, in: held)
        guard
            unsafe unlinkat(way.base, way.name, 0) == 0 || unlinkat(way.base, way.name, AT_REMOVEDIR) == 0
                || errno == ENOENT
        else { throw Files.failure("cannot remove", path) }
    }

    func rename(_ path: String, to target: String) throws(AgentIDError) {
        try Files.rename(path, to: target, in: held)
    }

    func list(_ path: String) throws(AgentIDError) -> [String] {
        try (Files.names(in: path, of: held) ?? []).inByteOrder()
    }

    func allocate(_ file: Int32, size: Int) -> Int32 {
        // Beyond this limit the kernel would not only refuse but send a signal that ends the process.
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) != 0 || limit.rlim_cur >= size else {
            return EFBIG
        }
        return posix_fallocate(file, 0, size)
    }
}
