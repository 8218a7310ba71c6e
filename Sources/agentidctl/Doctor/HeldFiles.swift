import AgentID
import FoundationEssentials
import Glibc
import StrictJSON

/// The processes that go by files of a directory which were removed, moved away or replaced since, as far as this user may
/// see. They deny every call, and say so in their own words only.
struct HeldFiles {
    private let inspection: RegistryInspection
    private let directory: String
    /// The files under their names, by number. They are never opened here: closing one would drop SQLite's locks.
    private let current: [(name: String, number: FileNumber)]

    /// Those that guards and authorities go by. Segments, tiles and journals are removed in due course.
    private static let names = ["registry.db", "registry.db-wal", "registry.db-shm", "sequence", "replay", meters]
    static let meters = "meters"
    /// The kernel's mark at the path of a file that has no name any more.
    private static let mark = " (deleted)"

    /// A file that a process has open or mapped.
    private struct Held {
        let path: String
        /// Its name in a directory, judged by its number or by its beginning; `nil`: none of ours, or not to be seen.
        let name: String?
        let isCurrent: Bool
    }

    init?(of inspection: RegistryInspection, directory: String) {
        guard let place = Self.resolved(directory) else { return nil }
        (self.inspection, self.directory) = (inspection, place)
        current = Self.names.compactMap { name in FileNumber(of: "\(place)/\(name)").map { (name, $0) } }
    }

    /// As `process 4711 (python3)`, each with the name of a file.
    var holders: [(process: String, name: String)] {
        let found = OtherProcesses.all.flatMap { process in others(of: process).map { (process, $0) } }
        guard !found.isEmpty else { return [] }
        // One that is just opening them, or letting go, has not all of them.
        usleep(100_000)
        return found.filter { process, name in others(of: process).contains { $0.isSame(as: name) } }
            .map { (OtherProcesses.words($0), $1) }
    }

    /// The names of files that a process goes by and that are not what stands there: of meters, and one of the others.
    private func others(of process: Int32) -> [String] {
        let held = files(of: process)
        let mine = held.filter(\.isCurrent).compactMap(\.name)
        // A process that has nothing of this directory open works elsewhere.
        let isHere = !mine.isEmpty || held.contains { $0.path.starts(exactly: "\(directory)/") }
        guard isHere else { return [] }
        let others = held.filter { !$0.isCurrent }
        let base = ["registry.db", "sequence"]
        func isMoved(_ file: Held, _ name: String) -> Bool {
            file.name?.isSame(as: name) == true && !file.path.ends(exactly: Self.mark)
        }
        func isRemoved(_ name: String) -> Bool {
            others.contains { $0.path.isSame(as: "\(directory)/\(name)\(Self.mark)") }
        }
        func isElsewhere(_ name: String) -> Bool {
            // A directory that was moved as a whole is home to all of them.
            let isOther = others.contains { file in
                file.name?.isSame(as: name) == true && (base.holds(name) || !isAtHome(file.path))
            }
            guard isOther else { return false }
            // They name their registry.
            if name.isSame(as: Self.meters) { return mine.holds("registry.db") }
            // A program that only reads or copies one of them does not hold the others.
            return !mine.holds(name)
                && base.filter { !$0.isSame(as: name) }.allSatisfy { other in
                    mine.holds(other) || base.holds(name) && others.contains { isMoved($0, other) }
                }
        }
        let found = Self.names.filter { isRemoved($0) || isElsewhere($0) }
        return found.filter { $0.isSame(as: Self.meters) } + found.filter { !$0.isSame(as: Self.meters) }.prefix(1)
    }

    /// Whether a file stands beside another registry, which a process that works in both directories goes by too.
    private func isAtHome(_ path: String) -> Bool {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return false }
        let parent = String(path[..<slash])
        guard !parent.isSame(as: directory) else { return false }
        return unsafe access("\(parent)/registry.db", F_OK) == 0
    }

    /// The files that a process has open or mapped.
    private func files(of process: Int32) -> [Held] {
        let place = "/proc/\(process)"
        let opened = ((try? FileManager.default.contentsOfDirectory(atPath: "\(place)/fd")) ?? []).compactMap {
            number in
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(place)/fd/\(number)")).map { path in
                held(path, at: "\(place)/fd/\(number)")
            }
        }
        guard let maps = try? Console.read("\(place)/maps", limit: 1 << 26) else { return opened }
        // address perms offset device inode path
        let paths = String(decoding: maps, as: UTF8.self).parts(at: 0x0A).compactMap { line in
            line.utf8.firstIndex(of: UInt8(ascii: "/")).map { String(line[$0...]) }
        }
        return opened + paths.exact.map { held($0.string, at: $0.string) }
    }

    /// - Parameter link: Leads to the file, also where it has another name or none.
    private func held(_ path: String, at link: String) -> Held {
        var status = stat()
        // Opening anything but a regular file may do something.
        guard path.starts(exactly: "/"), unsafe stat(link, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            return Held(path: path, name: nil, isCurrent: false)
        }
        let number = FileNumber(status)
        if let known = current.first(where: { $0.number == number }) {
            return Held(path: path, name: known.name, isCurrent: true)
        }
        let file = unsafe open(link, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard file >= 0 else { return Held(path: path, name: nil, isCurrent: false) }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = unsafe read(file, &bytes, bytes.count)
        return Held(
            path: path, name: count == bytes.count ? inspection.name(beginning: bytes) : nil, isCurrent: false)
    }

    /// The processes that have a directory's registry open, as far as this user may see.
    static func users(of directory: String) -> [Int32] {
        guard let place = resolved(directory) else { return [] }
        return OtherProcesses.all.filter { process in
            let files = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd")) ?? []
            return files.contains { file in
                (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/fd/\(file)"))?
                    .isSame(as: "\(place)/registry.db") == true
            }
        }
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
