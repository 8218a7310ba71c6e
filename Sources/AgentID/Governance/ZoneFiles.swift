internal import CProcess
internal import Glibc
internal import Policy

/// The time zones of the machine's tz database.
enum ZoneFiles {
    private static let directory = "/usr/share/zoneinfo"
    private static let longest = 1 << 16

    /// The file of a zone, whose name is letters, digits, `_`, `+`, `-` and `/` between them; `nil` where there is none.
    /// Throws where it cannot be read now, as for want of descriptors.
    static func read(_ name: String) throws(ZoneFailure) -> [UInt8]? {
        // Names of zones are often links to others.
        let file = unsafe Glibc.open("\(directory)/\(name)", O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else {
            guard errno == ENOENT || errno == ENOTDIR else { throw failure }
            return nil
        }
        defer { _ = Glibc.close(file) }
        var status = stat()
        guard unsafe fstat(file, &status) == 0 else { throw failure }
        guard status.st_mode & S_IFMT == S_IFREG, status.st_size <= longest else { return nil }
        var bytes = [UInt8](repeating: 0, count: longest)
        guard let count = Files.read(file, into: &bytes, from: 0) else { throw failure }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    /// Of the system's call that just failed.
    private static var failure: ZoneFailure { ZoneFailure(unsafe String(cString: strerror(errno))) }
}
