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

    /// Whether an error is of such a name.
    static func isMeant(by error: AgentIDError) -> Bool {
        error.name.isSame(as: "disk_full") || error.name.isSame(as: "read_only")
    }
}
