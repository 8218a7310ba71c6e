import AgentID
import FoundationEssentials
import Glibc
import StrictJSON

/// The processes that go by files of a directory which were removed, moved away or replaced since, as far as this user may
/// see. They deny every call, and say so in their own words only.
struct HeldFiles {
    let directory: String

    /// Those that every guard and authority goes by. Segments, tiles and journals are removed in due course.
    private static let names = ["registry.db", "registry.db-wal", "registry.db-shm", "sequence", "replay"]
    /// Of those, the ones that are known by what they hold, under whatever name.
    private static let known = ["registry.db", "sequence"]
    /// The kernel's mark at the path of a file that has no name any more.
    private static let mark = " (deleted)"

    /// As `process 4711 (python3)`, each with the name of a file.
    var holders: [(process: String, name: String)] {
        guard let place = Self.resolved(directory) else { return [] }
        let gone = Self.names.map { (name: $0, path: "\(place)/\($0)\(Self.mark)") }
        return OtherProcesses.all.compactMap { process in
            let held = files(of: process)
            let removed = gone.first { file in held.contains { $0.isSame(as: file.path) } }?.name
            return (removed ?? moved(held, from: place)).map { (OtherProcesses.words(process), $0) }
        }
    }

    /// The name of a file that stands elsewhere by now, and another in its place.
    private func moved(_ held: [String], from place: String) -> String? {
        // A process that has nothing of this directory open works elsewhere.
        let isHere = held.contains { path in
            path.starts(exactly: "\(place)/") && !path.utf8.dropFirst(place.utf8.count + 1).contains(UInt8(ascii: "/"))
        }
        guard isHere else { return nil }
        var found: [ExactText: [FileNumber]] = [:]
        for path in held {
            guard let (name, number) = known(path).map({ ($0.exact, $1) }), found[name]?.contains(number) != true else {
                continue
            }
            found[name, default: []].append(number)
        }
        // A program that only reads or copies one of them does not hold both.
        guard found.count == Self.known.count else { return nil }
        return Self.known.first { name in
            guard let number = FileNumber(of: "\(place)/\(name)") else { return true }
            return found[name.exact]?.contains(number) != true
        }
    }

    /// The name that a file has in a directory, judged by its beginning.
    private func known(_ path: String) -> (String, FileNumber)? {
        var status = stat()
        // Opening anything but a regular file may do something.
        guard path.starts(exactly: "/"), unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            return nil
        }
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 256)
        guard unsafe read(file, &bytes, bytes.count) == bytes.count,
            let name = RegistryInspection.name(beginning: bytes)
        else { return nil }
        return (name, FileNumber(status))
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

/// Which file it is, whatever its name.
struct FileNumber: Equatable {
    private let device: dev_t
    private let file: ino_t

    init(_ status: stat) { (device, file) = (status.st_dev, status.st_ino) }

    init?(of path: String) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        self.init(status)
    }
}
