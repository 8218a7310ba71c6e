import AgentID
import Glibc

/// Checks the disk of a directory: that it can be written, and has room.
struct DiskCheckup {
    let directory: String

    /// The least free space, in bytes: a few segments of the audit log.
    private static let leastRoom: UInt64 = 64 << 20
    /// The fewest new files that must be possible.
    private static let leastFiles = 64

    var findings: [Finding] {
        var status = statvfs()
        let failure: Fault? = unsafe statvfs(directory, &status) == 0 ? nil : Fault(file: directory)
        return [
            Finding(of: "the disk can be written", at: directory) {
                if let failure { throw failure }
                // After an error, a file system may say that it can be written.
                guard status.f_flag & UInt(ST_RDONLY) != 0 || DiskFailure.isReadOnly("\(directory)/lock") else {
                    return
                }
                throw Trouble(
                    "it is mounted read-only: nothing can be written down, so calls are denied",
                    remedy: "see dmesg for why, then: mount -o remount,rw")
            },
            Finding(of: "room on the disk", at: directory) {
                if let failure { throw failure }
                // A file system that has no end may say any number.
                let (bytes, isBeyond) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
                let free = isBeyond ? .max : bytes
                // Some file systems do not count files.
                if status.f_files > 0, status.f_favail < Self.leastFiles {
                    throw Trouble(
                        "\(status.f_favail) more files are possible: when nothing can be written down, calls are denied",
                        remedy: "remove files, or move the directory to a disk with more inodes")
                }
                guard free < Self.leastRoom else { return }
                throw Trouble(
                    "\(free >> 20) MiB are left: when nothing can be written down, calls are denied",
                    remedy: "make room, or move the directory")
            },
        ]
    }
}
