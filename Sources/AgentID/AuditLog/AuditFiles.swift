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
    init(holding directory: String, in above: HeldDirectory? = nil) throws(AgentIDError) {
        held = try HeldDirectory(directory, in: above)
    }

    /// Makes the directory of a log, if it is missing, and holds it.
    @inline(never)  // Once, and not in each place that opens a log.
    static func making(_ directory: String, in above: HeldDirectory? = nil) throws(AgentIDError) -> SystemAuditFiles {
        try Files.makeDirectory(directory, in: above)
        return try SystemAuditFiles(holding: directory, in: above)
    }

    func read(_ path: String, limit: Int) throws(AgentIDError) -> [UInt8]? {
        try Files.read(path, limit: limit, in: held)
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
