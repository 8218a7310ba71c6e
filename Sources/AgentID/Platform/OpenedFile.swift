internal import CProcess
internal import Glibc

/// The ways to open a file in one of our directories.
enum FileAccess {
    case read
    /// Read and write an existing file.
    case write
    /// Read and write; create the file (0600) if it does not exist.
    case create
    /// Read and write a file (0600) that must not exist yet.
    case createNew

    fileprivate var flags: Int32 {
        switch self {
        case .read: O_RDONLY
        case .write: O_RDWR
        case .create: O_RDWR | O_CREAT
        case .createNew: O_RDWR | O_CREAT | O_EXCL
        }
    }
}

// The only place that opens files. Whatever somebody planted at a path, opening it follows no link, waits for nothing,
// and changes or creates nothing through it.
extension Files {
    /// Opens a file; the caller closes the descriptor.
    ///
    /// - Parameter forbidden: The permissions that others must not have, as bits of its mode.
    static func open(
        _ path: String, _ access: FileAccess, forbidden: mode_t = 0o022, in held: HeldDirectory? = nil
    ) throws(AgentIDError) -> Int32 {
        guard let file = try openIfPresent(path, access, forbidden: forbidden, in: held) else {
            errno = ENOENT
            throw failure("cannot open", path)
        }
        return file
    }

    /// As ``open(_:_:forbidden:)``; `nil` if no file has this name.
    static func openIfPresent(
        _ path: String, _ access: FileAccess, forbidden: mode_t = 0o022, in held: HeldDirectory? = nil
    ) throws(AgentIDError) -> Int32? {
        let (parent, name) = split(path)
        guard let directory = try openDirectory(parent, isReader: access == .read, in: held) else { return nil }
        defer { _ = Glibc.close(directory.number) }
        // NONBLOCK: opening a FIFO returns at once, and it is refused below. Regular files ignore the flag.
        let flags = access.flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY
        let file = unsafe openat(directory.number, name, flags, 0o600)
        guard file >= 0 else {
            if errno == ENOENT, access == .read || access == .write { return nil }
            throw errno == ELOOP ? planted(path, "a symbolic link") : failure("cannot open", path)
        }
        do throws(AgentIDError) {
            var status = stat()
            guard unsafe fstat(file, &status) == 0 else { throw failure("cannot look at", path) }
            try check(status, path, owner: directory.owner, forbidden: forbidden)
        } catch {
            _ = Glibc.close(file)
            throw error
        }
        return file
    }

    /// Refuses a file that ``open(_:_:forbidden:)`` would refuse, without opening it; a missing file passes. For files
    /// that SQLite opens: closing a descriptor of our own would drop SQLite's locks.
    static func checkIfPresent(_ path: String, isReader: Bool, forbidden: mode_t = 0o022) throws(AgentIDError) {
        let (parent, name) = split(path)
        guard let directory = try openDirectory(parent, isReader: isReader) else { return }
        defer { _ = Glibc.close(directory.number) }
        var status = stat()
        guard unsafe fstatat(directory.number, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            if errno == ENOENT { return }
            throw failure("cannot look at", path)
        }
        try check(status, path, owner: directory.owner, forbidden: forbidden)
    }

    private static func check(_ status: stat, _ path: String, owner: uid_t, forbidden: mode_t) throws(AgentIDError) {
        switch status.st_mode & S_IFMT {
        case S_IFREG: break
        case S_IFLNK: throw planted(path, "a symbolic link")
        case S_IFIFO: throw planted(path, "a FIFO")
        case S_IFDIR: throw planted(path, "a directory")
        default: throw planted(path, "a device or a socket")
        }
        guard status.st_nlink <= 1 else { throw planted(path, "a file with a second name (a hard link)") }
        guard status.st_uid == owner else {
            throw AgentIDError(
                .io, name: "unsafe_permissions",
                message: "\(path) belongs to user \(status.st_uid) and its directory to user \(owner): "
                    + "find out who made it, then chown or remove it",
                at: path)
        }
        guard status.st_mode & forbidden == 0 else {
            throw AgentIDError(
                .io, name: "unsafe_permissions",
                message: forbidden & 0o044 == 0
                    ? "others can write to \(path): chmod 600 it" : "others can read \(path): chmod 600 it", at: path)
        }
    }

    private static func planted(_ path: String, _ what: String) -> AgentIDError {
        AgentIDError(
            .io, name: "unsafe_file",
            message: "\(path) is \(what), which is not opened: find out who put it there, then put the file itself "
                + "in its place or remove it",
            at: path)
    }

    /// Splits a path into its directory and the name in it.
    static func split(_ path: String) -> (parent: String, name: String) {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return (".", path) }
        return (slash == path.startIndex ? "/" : String(path[..<slash]), String(path[path.utf8.index(after: slash)...]))
    }
}
