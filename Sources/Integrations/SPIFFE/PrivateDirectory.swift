#if SPIFFE
    internal import AgentID
    internal import CProcess
    internal import FoundationEssentials
    internal import Glibc

    /// A directory that is its owner's alone.
    enum PrivateDirectory {
        /// Makes it, and what is above it, where it is missing.
        static func make(_ path: String) throws(AgentIDError) {
            guard !path.isEmpty, !path.utf8.contains(0) else {
                throw AgentIDError(
                    .argument, name: "directory", message: "a directory's path has no NUL, and is not empty")
            }
            do {
                try FileManager.default.createDirectory(
                    atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            } catch {
                throw AgentIDError(
                    .io, name: "file", message: "cannot make the directory \(path): \(error)", at: "directory")
            }
        }

        /// Refuses one that others could open something in; a symbolic link too.
        static func check(_ path: String) throws(AgentIDError) {
            var about = stat()
            guard unsafe lstat(path, &about) == 0, about.st_mode & S_IFMT == S_IFDIR, about.st_uid == geteuid(),
                about.st_mode & 0o077 == 0
            else {
                throw AgentIDError(
                    .io, name: "directory_open_to_others",
                    message: "\(path) must be a directory of this user, closed to others: chmod 700 it", at: "directory"
                )
            }
        }
    }
#endif
