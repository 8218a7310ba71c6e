internal import CProcess
internal import Glibc

/// Starts a command as a process that has nothing of the host's: no descriptor, handler, mask, variable or directory.
///
/// It leads a session and a process group of its own: one signal reaches all it starts, except what leaves the group.
enum CommandProcess {
    struct Failed: Error {
        let errno: Int32
        init(_ errno: Int32) { self.errno = errno }
    }

    /// The host's values, read once: `getenv` and a host that sets variables do not go together.
    private static let inherited = ["PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/", "LANG=C.UTF-8"].map { fallback in
        let name = String(fallback.prefix { $0 != "=" })
        guard let value = unsafe getenv(name) else { return fallback }
        return unsafe "\(name)=\(String(cString: value))"
    }

    /// Starts `command` with `document` on standard input, and its errors going to a pipe.
    static func start(_ command: [String], event: String, document: [UInt8]) throws(Failed)
        -> (process: pid_t, errors: Descriptor)
    {
        guard let program = command.first, !program.isEmpty,
            !(command + [event]).contains(where: { $0.utf8.contains(0) })
        else { throw Failed(EINVAL) }
        let input = try Descriptor.holding(document)
        let (errors, errorsOfCommand) = try Descriptor.pipe()

        var actions = unsafe posix_spawn_file_actions_t()
        try check(unsafe posix_spawn_file_actions_init(&actions))
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        try check(unsafe posix_spawn_file_actions_adddup2(&actions, input.number, 0))
        try check(unsafe posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0))
        try check(unsafe posix_spawn_file_actions_adddup2(&actions, errorsOfCommand.number, 2))
        try check(unsafe posix_spawn_file_actions_addclosefrom_np(&actions, 3))
        try check(unsafe posix_spawn_file_actions_addchdir_np(&actions, "/"))

        var attributes = posix_spawnattr_t()
        try check(unsafe posix_spawnattr_init(&attributes))
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var (all, none) = (sigset_t(), sigset_t())
        unsafe sigfillset(&all)
        unsafe sigemptyset(&none)
        try check(unsafe posix_spawnattr_setsigdefault(&attributes, &all))
        try check(unsafe posix_spawnattr_setsigmask(&attributes, &none))
        let flags = Int32(CPROCESS_SPAWN_SETSID) | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
        try check(unsafe posix_spawnattr_setflags(&attributes, Int16(flags)))

        var process: pid_t = 0
        let status = unsafe withTexts(command) { arguments in
            unsafe withTexts(inherited + ["AGENTID_EVENT=\(event)"]) { environment in
                unsafe posix_spawnp(&process, program, &actions, &attributes, arguments, environment)
            }
        }
        try check(status)
        return (process, errors)
    }

    private static func check(_ status: Int32) throws(Failed) {
        guard status == 0 else { throw Failed(status) }
    }

    /// Calls `body` with a NULL-terminated vector of the texts.
    private static func withTexts(
        _ texts: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Int32
    ) -> Int32 {
        var copies = unsafe texts.map { unsafe strdup($0) }
        defer { unsafe copies.forEach { unsafe free($0) } }
        // A missing copy would end the vector early.
        guard unsafe copies.allSatisfy({ unsafe $0 != nil }) else { return ENOMEM }
        unsafe copies.append(nil)
        return unsafe copies.withUnsafeMutableBufferPointer { vector in
            guard let start = vector.baseAddress else { return ENOMEM }
            return unsafe body(start)
        }
    }
}
