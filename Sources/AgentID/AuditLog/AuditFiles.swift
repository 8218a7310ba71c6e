internal import CProcess
internal import Glibc
internal import StrictJSON

/// The audit log's other operations on the disk, besides reading segments and storing into its own. It is a seam: tests
/// can stop the log between any two steps.
protocol AuditFiles: Sendable {
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
    func read(_ path: String, limit: Int) throws(AgentIDError) -> [UInt8]? {
        guard let file = try Files.openIfPresent(path, .read) else { return nil }
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

    func replace(_ path: String, with bytes: [UInt8]) throws(AgentIDError) { try Files.replace(path, with: bytes.span) }

    func write(_ path: String, _ bytes: [UInt8]) throws(AgentIDError) {
        try Files.replace(path, with: bytes.span, isDurable: false)
    }

    func sync(_ path: String) throws(AgentIDError) { try Files.sync(path) }

    func makeDirectory(_ path: String) throws(AgentIDError) { try Files.makeDirectory(path) }

    func remove(_ path: String) throws(AgentIDError) {
        guard unsafe unlink(path) == 0 || rmdir(path) == 0 || errno == ENOENT else {
            throw Files.failure("cannot remove", path)
        }
    }

    func rename(_ path: String, to target: String) throws(AgentIDError) {
        guard unsafe Glibc.rename(path, target) == 0 else { throw Files.failure("cannot rename", path) }
    }

    func list(_ path: String) throws(AgentIDError) -> [String] {
        try (Files.names(in: path) ?? []).inByteOrder()
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
