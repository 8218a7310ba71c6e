import AgentID
import FoundationEssentials
import Glibc

/// The processes that go by files of a directory which were removed or replaced since, as far as this user may see. They
/// deny every call, and say so in their own words only.
struct HeldFiles {
    let directory: String

    /// Those that every guard and authority goes by. Segments, tiles and journals are removed in due course.
    private static let names = ["registry.db", "registry.db-wal", "registry.db-shm", "sequence", "replay"]
    /// The kernel's mark at the path of a file that has no name any more.
    private static let mark = " (deleted)"

    /// As `process 4711 (python3)`, each with the name of a file.
    var holders: [(process: String, name: String)] {
        guard let place = Self.resolved(directory) else { return [] }
        let gone = Self.names.map { (name: $0, path: "\(place)/\($0)\(Self.mark)") }
        return OtherProcesses.all.compactMap { process in
            let held = files(of: process)
            guard let name = gone.first(where: { file in held.contains { $0.isSame(as: file.path) } })?.name else {
                return nil
            }
            return (OtherProcesses.words(process), name)
        }
    }

    /// The paths of what a process has open or mapped.
    private func files(of process: Int32) -> [String] {
        let place = "/proc/\(process)"
        let opened = ((try? FileManager.default.contentsOfDirectory(atPath: "\(place)/fd")) ?? []).compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: "\(place)/fd/\($0)")
        }
        guard let maps = try? Console.read("\(place)/maps", limit: 1 << 26) else { return opened }
        // address perms offset device inode path
        let mapped = String(decoding: maps, as: UTF8.self).parts(at: 0x0A).compactMap { line in
            line.utf8.firstIndex(of: UInt8(ascii: "/")).map { String(line[$0...]) }
        }
        return opened + mapped
    }

    private static func resolved(_ path: String) -> String? {
        guard let found = unsafe realpath(path, nil) else { return nil }
        defer { unsafe free(found) }
        return unsafe String(cString: found)
    }
}
