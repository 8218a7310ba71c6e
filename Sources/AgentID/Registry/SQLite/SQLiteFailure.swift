internal import CSQLite
internal import Glibc

extension SQLite {
    static func corrupt(_ what: String, _ place: String) -> AgentIDError {
        AgentIDError(
            .malformed, name: "registry_corrupt",
            message: "the registry is damaged (\(what)): stop what uses it and restore it from a backup", at: place)
    }

    static func failure(_ status: Int32, _ database: OpaquePointer?, _ place: String) -> AgentIDError {
        func error(_ code: AgentIDError.Code, _ name: String, _ message: String) -> AgentIDError {
            AgentIDError(code, name: name, message: message, at: place)
        }
        let detail = unsafe database.map { unsafe String(cString: sqlite3_errmsg($0)) } ?? "code \(status)"
        func full(_ what: String) -> AgentIDError {
            error(.io, "disk_full", "\(what): make room and try again; nothing was changed")
        }
        let number = unsafe database.map { unsafe sqlite3_system_errno($0) } ?? 0
        let reason = number == 0 ? "\(detail), code \(status)" : unsafe String(cString: strerror(number))
        switch status & 0xFF {
        // SQLITE_IOERR_SHORT_READ: SQLite reads a file that is too short as zeros, except for the log; where that is gone, it makes
        // an empty one.
        case SQLITE_IOERR where status >> 8 == 2:
            return Apart.registry("registry.db-wal was removed, replaced or cut short", at: place + "-wal")
        case SQLITE_FULL: return full("the disk is full")
        case SQLITE_READONLY, SQLITE_PERM:
            return error(
                .io, "read_only", "the registry cannot be written: make file and directory writable by their owner")
        case SQLITE_CORRUPT, SQLITE_NOTADB: return corrupt(detail, place)
        // All SQL is ours: what it does not find is missing from the file.
        case SQLITE_ERROR: return corrupt(detail, place)
        case SQLITE_BUSY, SQLITE_LOCKED:
            return error(
                .io, "registry_busy",
                "\(LockHolder.name(of: place + "-shm") ?? "another process") kept the registry locked: end that process, "
                    + "or try again")
        case SQLITE_CANTOPEN where number == ENOENT && Files.exists(place):
            // What is missing is the memory that processes share, and it cannot be made.
            return error(
                .io, "read_only", "the registry's directory cannot be written: make it, and its disk, writable")
        case SQLITE_CANTOPEN:
            return error(
                .io, "file",
                status == SQLITE_CANTOPEN | 6 << 8  // SQLITE_CANTOPEN_SYMLINK
                    ? "the registry is a symbolic link, which is not followed"
                    : "the registry cannot be opened: \(reason); see that it is there and whose"
            )
        // Opening its log drops no lock of SQLite's, as opening the registry itself would.
        case SQLITE_IOERR where number == EROFS || DiskFailure.isReadOnly(place + "-wal"):
            return error(
                .io, "read_only",
                "the registry cannot be written: its disk is mounted read-only: make it writable and try again")
        // SQLITE_IOERR_WRITE and _SHMSIZE do not always say that it was for want of room.
        case SQLITE_IOERR
        where [ENOSPC, EDQUOT, EFBIG].contains(number) || number == 0 && [3, 19].contains(status >> 8):
            return full(
                "the disk is full or has failed, or the registry's files may not grow: see ulimit -f (\(reason))")
        case SQLITE_IOERR:
            return error(.io, "file", "the registry cannot be read or written: \(reason); nothing was changed")
        case SQLITE_TOOBIG: return error(.limit, "record_too_large", "a record is larger than 16 MiB")
        case SQLITE_CONSTRAINT: return error(.exists, "registry_conflict", "the registry refuses a record: \(detail)")
        case SQLITE_NOMEM: return error(.internal, "memory", "there is no memory for the registry")
        default: return error(.io, "registry", "the registry failed: \(detail) (\(status))")
        }
    }
}
