internal import CProcess
internal import Glibc

/// Which file or directory stands under a name, by what no copy of it has.
struct FileIdentity: Sendable, Equatable {
    private let device: UInt64
    private let node: UInt64

    fileprivate init(_ status: stat) { (device, node) = (UInt64(status.st_dev), UInt64(status.st_ino)) }

    /// Of what stands under a path now; `nil` where nothing does. Links are not followed.
    init?(at path: String) {
        guard let look = FileLook(path) else { return nil }
        self = look.identity
    }

    /// Of an open file.
    init?(of file: Int32) {
        var status = stat()
        guard unsafe fstat(file, &status) == 0 else { return nil }
        self.init(status)
    }
}

/// A look at a file, without opening it.
struct FileLook: Sendable, Equatable {
    let identity: FileIdentity
    let size: Int
    /// When it last changed, in nanoseconds since 1970: by the machine's clock, which no program can set for a file.
    let changed: Int64

    init?(_ path: String) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { return nil }
        identity = FileIdentity(status)
        size = Int(clamping: status.st_size)
        changed = Int64(status.st_ctim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_ctim.tv_nsec)
    }
}
