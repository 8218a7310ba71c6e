internal import CProcess
internal import Glibc

/// The identity of the file or directory at a path, which no copy of it shares.
package struct FileIdentity: Sendable, Equatable {
    private let device: UInt64
    private let node: UInt64

    init(_ status: stat) { (device, node) = (UInt64(status.st_dev), UInt64(status.st_ino)) }

    /// The identity of what is at a path now; `nil` if nothing is. Links are not followed.
    package init?(at path: String, in held: HeldDirectory? = nil) {
        guard let look = FileLook(path, in: held) else { return nil }
        self = look.identity
    }

    /// The identity of an open file.
    init?(of file: Int32) {
        var status = stat()
        guard unsafe fstat(file, &status) == 0 else { return nil }
        self.init(status)
    }
}

/// A file's metadata, read without opening it.
package struct FileLook: Sendable, Equatable {
    let identity: FileIdentity
    let size: Int
    /// Whether it is a regular file.
    let isFile: Bool
    /// The time of its last change, in nanoseconds since 1970, by the machine's clock. No program can set it for a
    /// file.
    let changed: Int64

    /// `nil` if nothing is at the path; throws if that cannot be found out, as in a directory whose rights were taken away.
    static func find(_ path: String, in held: HeldDirectory? = nil) throws(AgentIDError) -> FileLook? {
        if let look = FileLook(path, in: held) { return look }
        guard errno == ENOENT || errno == ENOTDIR else { throw Files.failure("cannot look at", path) }
        return nil
    }

    package init?(_ path: String, in held: HeldDirectory? = nil) {
        let way = FileWay(path, in: held)
        var status = stat()
        guard unsafe fstatat(way.base, way.name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
        identity = FileIdentity(status)
        size = Int(clamping: status.st_size)
        isFile = status.st_mode & S_IFMT == S_IFREG
        changed = Int64(status.st_ctim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_ctim.tv_nsec)
    }
}
