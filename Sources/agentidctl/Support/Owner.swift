import AgentID
import ArgumentParser
import CProcess
import FoundationEssentials
import Glibc
import StrictJSON

/// The owner of an authority's directory, and switching to that user. When root works on somebody's directory, it acts
/// as that user throughout: the directory's content decides which commands are run and which files are opened.
enum Owner {
    /// The directory that the command works on, as its arguments name it; set while they are read.
    nonisolated(unsafe) static var directory: String?

    /// Records the directory that the arguments name, while they are read.
    static func work(on path: String) throws {
        guard !path.isEmpty else { throw ValidationError("an empty path names no directory") }
        unsafe directory = path
    }

    /// Switches to the directory's owner, for good, unless that is root. Before anything is opened.
    static func become() throws {
        guard let directory = unsafe directory, geteuid() == 0 else { return }
        guard let owner = try find(directory) else { return }
        var group = owner.group
        var home = "/"
        if let entry = unsafe getpwuid(owner.user) {
            home = unsafe String(cString: entry.pointee.pw_dir)
            group = unsafe entry.pointee.pw_gid
            guard unsafe initgroups(entry.pointee.pw_name, group) == 0 else { throw refusal(directory, owner.user) }
        } else {
            guard unsafe setgroups(1, &group) == 0 else { throw refusal(directory, owner.user) }
        }
        guard setresgid(group, group, group) == 0, setresuid(owner.user, owner.user, owner.user) == 0,
            cprocess_gain_nothing() == 0
        else { throw refusal(directory, owner.user) }
        try verify(owner.user, group, directory)
        // For the commands of hooks, which inherit it.
        unsafe setenv("HOME", home, 1)
    }

    /// Verifies that there is no way back.
    private static func verify(_ user: uid_t, _ group: gid_t, _ directory: String) throws {
        var users = (uid_t.max, uid_t.max, uid_t.max)
        var groups = (gid_t.max, gid_t.max, gid_t.max)
        guard unsafe getresuid(&users.0, &users.1, &users.2) == 0, users == (user, user, user),
            unsafe getresgid(&groups.0, &groups.1, &groups.2) == 0, groups == (group, group, group),
            setuid(0) != 0, setgid(0) != 0 || group == 0, capabilities == 0
        else { throw refusal(directory, user) }
    }

    /// The process's capabilities beyond its user, as bits; all of them if they cannot be read.
    private static var capabilities: UInt64 {
        guard let status = try? Console.read("/proc/self/status") else { return .max }
        var all: UInt64 = 0
        for line in String(decoding: status, as: UTF8.self).parts(at: 0x0A) {
            guard ["CapPrm:", "CapEff:", "CapAmb:"].contains(where: { line.utf8.starts(with: $0.utf8) }) else {
                continue
            }
            all |= line.parts(at: 0x09).last.flatMap { UInt64($0, radix: 16) } ?? .max
        }
        return all
    }

    private static func refusal(_ directory: String, _ user: uid_t) -> Fault {
        Fault(
            "\(directory) belongs to user \(user), whom this process cannot become (\(Console.lastError)): "
                + "run agentidctl as that user")
    }

    /// The first user other than root on the way to a path. Everything below belongs to that user in effect, since they
    /// can replace it. `nil` if there is none.
    private static func find(_ path: String) throws -> (user: uid_t, group: gid_t)? {
        var found: (user: uid_t, group: gid_t)?
        try PathWalk.visit(path) { step throws(AgentIDError) in
            guard step.owner.user == 0 else {
                found = step.owner
                return false
            }
            // In a directory with the sticky bit, nobody replaces files of root's.
            let others = 0o002 | (step.owner.group == 0 ? 0 : 0o020) as UInt32
            guard !step.isDirectory || step.mode & others == 0 || step.mode & S_ISVTX != 0 else {
                throw AgentIDError(
                    .io, name: "unsafe_permissions",
                    message: "\(step.path) can be written by others, who could put another authority in place of "
                        + "\(path): chmod go-w it, or run agentidctl as the user whose authority it is")
            }
            return true
        }
        return found
    }
}
