internal import CProcess
internal import Glibc
internal import StrictJSON

/// A directory that is held open: what is done below its path is done in this very directory, wherever it was moved to
/// and whatever has its name by now.
package final class HeldDirectory: Sendable {
    private let path: String
    fileprivate let number: Int32

    /// Opens a directory that exists and is safe to work in.
    ///
    /// - Parameter above: where its path is taken from.
    init(_ path: String, isReader: Bool = false, in above: HeldDirectory? = nil) throws(AgentIDError) {
        guard let opened = try Files.openDirectory(path, isReader: isReader, in: above) else {
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
        let rest = path.utf8.dropFirst(self.path.utf8.count)
        guard let slash = rest.first else { return "." }
        return slash == UInt8(ascii: "/") ? String(decoding: rest.dropFirst(), as: UTF8.self) : nil
    }
}

/// A path as the kernel is to take it: a name and the open directory that it starts from.
struct FileWay {
    let base: Int32
    let name: String

    /// Starts in a directory that is held, if the path leads through it.
    @inline(never)  // Once, and not in each place that opens or names something.
    init(_ path: String, in held: HeldDirectory?) {
        let below = held?.name(of: path)
        (base, name) = (below == nil ? AT_FDCWD : held?.number ?? AT_FDCWD, below ?? path)
    }
}
