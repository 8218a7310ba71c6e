internal import CProcess
internal import Glibc
internal import StrictJSON

/// Starts a command as a process that inherits nothing from the host: no descriptor, handler, mask, variable or
/// directory.
///
/// The command leads a session and a process group of its own. A keeper process (`cprocess.h`) runs between it and the
/// host. The keeper kills the command with all its descendants at the deadline, on the host's request, and when the
/// host is dead. It tells the host how the command ended, whatever the host does with `SIGCHLD` and with the children
/// it waits for.
enum CommandProcess {
    struct Failed: Error {
        let errno: Int32
        init(_ errno: Int32) { self.errno = errno }
    }

    /// The host's values, read once: `getenv` is not safe while a host sets variables.
    private static let inherited = ["PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/", "LANG=C.UTF-8"].map { fallback in
        let name = fallback.parts(at: UInt8(ascii: "="), atMost: 2)[0]
        guard let value = unsafe getenv(name) else { return fallback }
        return unsafe "\(name)=\(String(cString: value))"
    }

    /// The host's side of a command that was started.
    struct Kept {
        let keeper: pid_t
        let errors: Descriptor
        let control: Descriptor
    }

    /// Starts `command` with `document` on standard input and a pipe as standard error.
    ///
    /// - Parameter deadline: On the machine's monotonic clock, in milliseconds.
    static func start(_ command: [String], event: String, document: [UInt8], deadline: Int64) throws(Failed) -> Kept {
        guard let program = command.first, !program.isEmpty,
            !(command + [event]).contains(where: { $0.utf8.contains(0) })
        else { throw Failed(EINVAL) }
        let (input, output) = (try Descriptor.holding(document), try Descriptor.nowhere())
        let (errors, errorsOfCommand) = try Descriptor.pipe()
        let (control, controlOfKeeper) = try Descriptor.connection()
        var reason: Int32 = ENOMEM
        let keeper = unsafe withTexts(places(of: program)) { programs in
            unsafe withTexts(command) { arguments in
                unsafe withTexts(inherited + ["AGENTID_EVENT=\(event)"]) { environment in
                    var kept = unsafe cprocess_command(
                        programs: programs, arguments: arguments, environment: environment, input: input.number,
                        output: output.number, errors: errorsOfCommand.number, control: controlOfKeeper.number,
                        deadline: deadline)
                    let keeper = unsafe cprocess_start(&kept)
                    reason = errno
                    return keeper
                }
            }
        }
        guard keeper > 0 else { throw Failed(reason) }
        return Kept(keeper: keeper, errors: errors, control: control)
    }

    /// The paths where a program may be: itself if its name has a slash, otherwise in the directories of `PATH`.
    private static func places(of program: String) -> [String] {
        guard !program.utf8.contains(UInt8(ascii: "/")) else { return [program] }
        let path = inherited.first?.dropFirst("PATH=".count) ?? ""
        return path.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).map {
            // An empty entry is the directory the command runs in.
            $0.isEmpty ? "/\(program)" : "\(Substring($0))/\(program)"
        }
    }

    /// Calls `body` with a NULL-terminated vector of the texts.
    private static func withTexts(
        _ texts: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> pid_t
    ) -> pid_t {
        var copies = unsafe texts.map { unsafe strdup($0) }
        defer { unsafe copies.forEach { unsafe free($0) } }
        // A missing copy would end the vector early.
        guard unsafe copies.allSatisfy({ unsafe $0 != nil }) else { return -1 }
        unsafe copies.append(nil)
        return unsafe copies.withUnsafeMutableBufferPointer { vector in
            guard let start = vector.baseAddress else { return -1 }
            return unsafe body(start)
        }
    }
}
