internal import Glibc

/// Failures of the system that say something of the disk, and not of the file.
package enum DiskFailure {
    /// The name of such an error, and its remedy; `nil` for all others.
    package static func name(of number: Int32) -> (name: String, remedy: String)? {
        switch number {
        case ENOSPC, EDQUOT: ("disk_full", "make room and try again")
        case EFBIG: ("disk_full", "raise the limit on the size of files (ulimit -f) and try again")
        case EROFS: ("read_only", "its disk is mounted read-only: make it writable and try again")
        default: nil
        }
    }

    /// Whether a file that is there cannot be written because its disk is read-only. A file system that has become so after
    /// an error may be shown as writable.
    package static func isReadOnly(_ path: String) -> Bool {
        let file = unsafe open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
        guard file >= 0 else { return errno == EROFS }
        _ = close(file)
        return false
    }

    /// Whether an error is of such a name.
    static func isMeant(by error: AgentIDError) -> Bool {
        error.name.isSame(as: "disk_full") || error.name.isSame(as: "read_only")
    }
}
