internal import CProcess
internal import Glibc
internal import StrictJSON

// Directories: ownership is checked on a descriptor, and no link is followed to it.
extension Files {
    /// Makes a directory (0700), or checks an existing one and removes other users' access to it.
    static func makeDirectory(_ path: String, in held: HeldDirectory? = nil) throws(AgentIDError) {
        let (parent, name) = split(path)
        if name.isEmpty, path.utf8.count > 1 {
            // A slash at its end, as a shell completes it.
            _ = unsafe mkdir(path, 0o700)
            return try makeDirectory(resolve(path))
        }
        guard let above = try openParent(parent, in: held) else {
            guard errno == ENOENT else { throw failure("cannot make", path) }
            let remedy =
                path.starts(exactly: "~")
                ? "give the whole path, only a shell knows ~"
                : "make it first, or name a directory in one that exists"
            throw AgentIDError(
                .io, name: "file", message: "cannot make \(path): there is no \(parent): \(remedy)", at: path)
        }
        defer { _ = Glibc.close(above) }
        guard unsafe mkdirat(above, name, 0o700) == 0 || errno == EEXIST else { throw failure("cannot make", path) }
        guard let directory = try openDirectory(path, isReader: false, in: held) else {
            throw failure("cannot open", path)
        }
        defer { _ = Glibc.close(directory.number) }
        guard directory.mode & 0o077 != 0 else { return }
        let file = unsafe openat(directory.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { if file >= 0 { _ = Glibc.close(file) } }
        guard file >= 0, fchmod(file, directory.mode & 0o7700) == 0 else { throw failure("cannot chmod", path) }
    }

    /// Refuses a directory that others can write, or that this user does not own. A reader need not own it, unless it
    /// is root.
    static func checkDirectory(_ path: String, isReader: Bool = false) throws(AgentIDError) {
        guard let directory = try openDirectory(path, isReader: isReader) else {
            errno = ENOENT
            throw failure("cannot look at", path)
        }
        _ = Glibc.close(directory.number)
    }

    /// Opens a directory that is safe to work in; `nil` if it does not exist. The caller closes it.
    static func openDirectory(
        _ path: String, isReader: Bool, in held: HeldDirectory? = nil
    ) throws(AgentIDError) -> (number: Int32, owner: uid_t, mode: mode_t)? {
        let way = FileWay(path, in: held)
        // With O_PATH, which Swift's module leaves out: the right to search a directory is enough.
        let number = unsafe openat(way.base, way.name, filesOnlyPath | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
        guard number >= 0 else {
            if errno == ENOENT { return nil }
            var status = stat()
            let reason = errno
            guard unsafe fstatat(way.base, way.name, &status, AT_SYMLINK_NOFOLLOW) == 0,
                status.st_mode & S_IFMT != S_IFDIR
            else {
                errno = reason
                throw failure("cannot open", path)
            }
            throw AgentIDError(
                .io, name: "unsafe_file",
                message: status.st_mode & S_IFMT == S_IFLNK
                    ? "\(path) is a symbolic link, which is not followed: put the directory itself in its place"
                    : "\(path) is not a directory: move it away", at: path)
        }
        do throws(AgentIDError) {
            var status = stat()
            guard unsafe fstat(number, &status) == 0 else { throw failure("cannot look at", path) }
            try checkOwner(status.st_uid, of: path, isReader: isReader)
            guard status.st_mode & 0o022 == 0 else {
                throw AgentIDError(
                    .io, name: "unsafe_permissions", message: "others can write to \(path): chmod 700 it", at: path)
            }
            return (number, status.st_uid, status.st_mode)
        } catch {
            _ = Glibc.close(number)
            throw error
        }
    }

    /// Root too must be the owner: the content of the directory decides which commands are run.
    private static func checkOwner(_ owner: uid_t, of path: String, isReader: Bool) throws(AgentIDError) {
        let user = geteuid()
        guard owner != user, user == 0 || !isReader else { return }
        throw AgentIDError(
            .io, name: "directory_owner",
            message: "\(path) belongs to user \(owner) and this process runs as user \(user): run it as user \(owner)"
                + (user == 0
                    ? ", for example with setpriv --reuid=\(owner) --clear-groups; agentidctl does so itself" : ""),
            at: path)
    }

    /// Opens the parent directory, whoever owns it.
    private static func openParent(_ path: String, in held: HeldDirectory?) throws(AgentIDError) -> Int32? {
        let way = FileWay(path, in: held)
        let number = unsafe openat(way.base, way.name, filesOnlyPath | O_DIRECTORY | O_CLOEXEC)
        return number >= 0 ? number : nil
    }

    /// Returns the names in a directory, unordered, at most `limit` of them; `nil` if it does not exist.
    static func names(
        in path: String, isReader: Bool = true, limit: Int = .max, of held: HeldDirectory? = nil
    ) throws(AgentIDError) -> [String]? {
        guard let directory = try openDirectory(path, isReader: isReader, in: held) else { return nil }
        defer { _ = Glibc.close(directory.number) }
        let file = unsafe openat(directory.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard file >= 0, let stream = unsafe fdopendir(file) else {
            let error = failure("cannot list", path)
            if file >= 0 { _ = Glibc.close(file) }
            throw error
        }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while names.count < limit {
            // What cannot be listed is not the end.
            errno = 0
            guard let entry = unsafe readdir(stream) else {
                guard errno == 0 else { throw failure("cannot list", path) }
                break
            }
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
                unsafe name.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if !name.isSame(as: "."), !name.isSame(as: "..") { names.append(name) }
        }
        return names
    }
}

/// `O_PATH`, which Swift's Glibc module leaves out.
private let filesOnlyPath: Int32 = 0o10000000
