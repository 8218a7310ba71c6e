import AgentID
import FoundationEssentials
import Glibc

/// The processes that go by meters of this registry which do not stand under their name any more, as far as this user may see.
struct HeldMeters {
    private let inspection: RegistryInspection
    private let registry: FileNumber?
    private let current: FileNumber?

    init(of inspection: RegistryInspection, directory: String) {
        self.inspection = inspection
        (registry, current) = (FileNumber(of: "\(directory)/registry.db"), FileNumber(of: "\(directory)/meters"))
    }

    /// As `process 4711 (python3)`.
    var processes: [String] { OtherProcesses.all.filter(holdsOther).map(OtherProcesses.words) }

    private func holdsOther(_ process: Int32) -> Bool {
        let place = "/proc/\(process)"
        let files = (try? FileManager.default.contentsOfDirectory(atPath: "\(place)/fd")) ?? []
        // A process that has the meters of a copy open works elsewhere.
        guard files.contains(where: { FileNumber(of: "\(place)/fd/\($0)") == registry }) else { return false }
        return files.contains { isWritten("\(place)/fdinfo/\($0)") && isOther("\(place)/fd/\($0)") }
    }

    /// Whether a descriptor was opened to read and write, as guards do.
    private func isWritten(_ path: String) -> Bool {
        guard let text = try? Console.read(path) else { return false }
        let flags = String(decoding: text, as: UTF8.self).parts(at: 0x0A).first { $0.utf8.starts(with: "flags:".utf8) }
        return flags?.utf8.last == UInt8(ascii: "2")
    }

    private func isOther(_ path: String) -> Bool {
        var status = stat()
        // Regular files of such a size only: opening anything else may do something.
        guard unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
            (1 << 16...1 << 27).contains(status.st_size), FileNumber(status) != current
        else { return false }
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard file >= 0 else { return false }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        return unsafe read(file, &bytes, bytes.count) == bytes.count && inspection.isMeters(bytes)
    }
}
