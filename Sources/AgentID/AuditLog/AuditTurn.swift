internal import Glibc
internal import JOSE
internal import StrictJSON

/// The right to change the log's tree: one process at a time, until ``end()``.
///
/// It is a lock on `audit/lock`, whose holder people find by that name, and one on the directory itself: the file may be
/// removed under its holder, and then others wait for another file.
struct AuditTurn {
    /// The descriptors of both.
    private var locked: [Int32] = []

    /// Waits so many milliseconds for another process that has it; `nil` where that keeps it.
    init?(in directory: String, within milliseconds: Int, _ held: HeldDirectory?) throws(AgentIDError) {
        let path = "\(directory)/lock"
        let deadline = MonotonicClock.milliseconds + Int64(clamping: milliseconds)
        let lock = try Files.open(path, .create, in: held)
        locked.append(lock)
        do throws(AgentIDError) {
            let way = FileWay(directory, in: held)
            let own = unsafe openat(way.base, way.name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
            guard own >= 0 else { throw Files.failure("cannot open", directory) }
            locked.append(own)
            if try Self.lock(lock, path, until: deadline), try Self.lock(own, directory, until: deadline),
                FileIdentity(of: lock) == FileIdentity(at: path, in: held)
            {
                return
            }
        } catch {
            end()
            throw error
        }
        end()
        return nil
    }

    private static func lock(_ file: Int32, _ path: String, until deadline: Int64) throws(AgentIDError) -> Bool {
        while flock(file, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EWOULDBLOCK || errno == EINTR else { throw Files.failure("cannot lock", path) }
            guard MonotonicClock.milliseconds < deadline else { return false }
            usleep(2000)
        }
        return true
    }

    func end() {
        for file in locked {
            // Not left to `close`: a child forked meanwhile has the descriptor too and would keep the lock.
            _ = flock(file, LOCK_UN)
            _ = close(file)
        }
    }
}
