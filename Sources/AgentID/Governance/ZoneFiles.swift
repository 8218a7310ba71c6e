internal import CProcess
internal import Glibc

/// The time zones of the machine's tz database.
enum ZoneFiles {
    private static let directory = "/usr/share/zoneinfo"
    private static let longest = 1 << 16

    /// The file of a zone, whose name is letters, digits, `_`, `+`, `-` and `/` between them; `nil` where there is none.
    static func read(_ name: String) -> [UInt8]? {
        // Names of zones are often links to others.
        let file = unsafe Glibc.open("\(directory)/\(name)", O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { return nil }
        defer { _ = Glibc.close(file) }
        var status = stat()
        guard unsafe fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= longest else {
            return nil
        }
        return unsafe [UInt8](unsafeUninitializedCapacity: longest) { buffer, count in
            count = 0
            while count < buffer.count {
                let got = unsafe Glibc.read(file, buffer.baseAddress.map { unsafe $0 + count }, buffer.count - count)
                if got < 0, errno == EINTR { continue }
                guard got > 0 else { return }
                count += got
            }
        }
    }
}
