internal import CProcess
internal import Glibc
internal import StrictJSON

/// A directory that is held open: what is done below its path is done in this very directory, wherever it was moved to
/// and whatever has its name by now.
package final class HeldDirectory: Sendable {
    private let path: String
    fileprivate let number: Int32

    /// Opens a directory that exists and is safe to work in.
    init(_ path: String) throws(AgentIDError) {
        guard let opened = try Files.openDirectory(path, isReader: false) else {
            errno = ENOENT
            throw Files.failure("cannot open", path)
        }
        (self.path, number) = (path, opened.number)
    }

    deinit { _ = close(number) }

    /// The directory itself, not what has its name by now.
    var identity: FileIdentity? { FileIdentity(of: number) }

    /// The name of what is at a path, seen from here; `nil` if the path does not lead through here.
    fileprivate func name(of path: String) -> String? {
        guard path.starts(exactly: self.path) else { return nil }
        let end = path.utf8.index(path.startIndex, offsetBy: self.path.utf8.count)
        guard end < path.endIndex else { return "." }
        return path.utf8[end] == UInt8(ascii: "/") ? String(path[path.utf8.index(after: end)...]) : nil
    }
}

/// A path as the kernel is to take it: a name and the open directory that it starts from.
struct FileWay {
    let base: Int32
    let name: String

    /// Starts in a directory that is held, if the path leads through it.
    init(_ path: String, in held: HeldDirectory?) {
        let below = held?.name(of: path)
        (base, name) = (below == nil ? AT_FDCWD : held?.number ?? AT_FDCWD, below ?? path)
    }
}
