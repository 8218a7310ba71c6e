#if SPIFFE
    internal import AgentID
    internal import CProcess
    internal import Glibc

    /// A listening Unix socket. Its calls return at once.
    enum UnixSocket {
        /// The longest path that a socket's address holds, in bytes.
        private static let longestPath = 107

        /// Listens at a path; what a process has left behind there is removed. The caller closes the descriptor.
        static func listen(at path: String) throws(AgentIDError) -> Int32 {
            guard path.utf8.count <= longestPath else {
                throw AgentIDError(
                    .argument, name: "socket_path",
                    message:
                        "\(path) is longer than the \(longestPath) bytes of a socket's address: use a shorter directory"
                )
            }
            try clear(path)
            let made = try make()
            guard unsafe with(path, { unsafe bind(made, $0, $1) }) == 0, Glibc.listen(made, SOMAXCONN) == 0 else {
                let error = failure("cannot listen on", path)
                _ = Glibc.close(made)
                throw error
            }
            return made
        }

        /// Removes a socket that nobody serves any more.
        private static func clear(_ path: String) throws(AgentIDError) {
            var about = stat()
            guard unsafe lstat(path, &about) == 0 else { return }
            guard about.st_mode & S_IFMT == S_IFSOCK else {
                throw AgentIDError(.exists, name: "served", message: "\(path) is not a socket: remove it")
            }
            let probe = try make()
            defer { _ = Glibc.close(probe) }
            guard unsafe with(path, { unsafe connect(probe, $0, $1) }) != 0, errno == ECONNREFUSED else {
                throw AgentIDError(.exists, name: "served", message: "\(path) is served by another process")
            }
            guard unsafe unlink(path) == 0 || errno == ENOENT else { throw failure("cannot remove", path) }
        }

        private static func make() throws(AgentIDError) -> Int32 {
            let flags = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
            let made = socket(AF_UNIX, Int32(flags), 0)
            guard made >= 0 else { throw failure("cannot make a socket for", "the Workload API") }
            return made
        }

        /// Calls `body` with the address of a path that fits, and its length.
        private static func with(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            unsafe withUnsafeMutableBytes(of: &address.sun_path) { memory in
                for (i, byte) in path.utf8.prefix(longestPath).enumerated() { unsafe memory[i] = byte }
            }
            return unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
        }

        private static func failure(_ what: String, _ path: String) -> AgentIDError {
            let reason = unsafe String(cString: strerror(errno))
            return AgentIDError(.io, name: "socket", message: "\(what) \(path): \(reason)")
        }
    }
#endif
