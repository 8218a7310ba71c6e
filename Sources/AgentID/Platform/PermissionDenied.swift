internal import CProcess
internal import Glibc
internal import StrictJSON

/// A refusal by the kernel in words: whose the place is, who asks, and what to do.
package enum PermissionDenied {
    /// The name of such an error.
    package static let name = "permission_denied"

    /// Whether an error is that of a call of the system on a file.
    static func isSystem(_ error: AgentIDError) -> Bool {
        error.name.isSame(as: "file") || error.name.isSame(as: name)
    }

    /// Whether an error says that a file is not this user's to read.
    static func isMeant(by error: AgentIDError) -> Bool {
        [name, "directory_owner", "unsafe_permissions"].contains { error.name.isSame(as: $0) }
    }

    /// Whether a call that failed with this number was refused.
    package static func isMeant(by number: Int32) -> Bool { number == EACCES || number == EPERM }

    /// Explains why this process was refused at a path; ends with a remedy. Looks at the path again.
    package static func explanation(of path: String) -> String {
        let (place, status) = refusing(path)
        let user = geteuid()
        guard let status else { return "this process runs as user \(user): run it as the owner of \(path)" }
        if status.st_uid != user {
            return "\(place) belongs to user \(status.st_uid) and has mode \(octal(status.st_mode)), this process runs "
                + "as user \(user): run it as user \(status.st_uid)"
        }
        let needed: mode_t = status.st_mode & S_IFMT == S_IFDIR ? 0o700 : 0o600
        guard status.st_mode & needed == needed else {
            return "\(place) is this user's own and has mode \(octal(status.st_mode)): chmod u+rw"
                + (needed == 0o700 ? "x" : "") + " it"
        }
        return "owner and mode of \(place) would allow it: see whether its file system is mounted read-only, or a "
            + "sandbox or security module stands between"
    }

    /// The first directory on the way whose content cannot be reached, or what the path names, with its status.
    private static func refusing(_ path: String) -> (place: String, stat?) {
        var (place, status) = (path, nil as stat?)
        // Upwards: what cannot be looked at lies in a directory that refuses it.
        for _ in 0..<256 {
            var found = stat()
            if unsafe stat(place, &found) == 0 {
                status = found
                break
            }
            let parent = Files.split(place).parent
            if parent.isSame(as: place) { break }
            place = parent
        }
        return (place, status)
    }

    private static func octal(_ mode: mode_t) -> String { String(mode & 0o7777, radix: 8) }
}
