internal import CProcess
internal import Glibc
internal import StrictJSON

/// The way to a path: each directory, link and file in turn, as the kernel goes there.
package enum PathWalk {
    /// A name on the way.
    package struct Step {
        /// Its path, without links before its last name.
        package let path: String
        /// Its owner and group.
        package let owner: (user: UInt32, group: UInt32)
        /// Its kind and its permissions.
        package let mode: UInt32

        package var isLink: Bool { mode & S_IFMT == S_IFLNK }
        package var isDirectory: Bool { mode & S_IFMT == S_IFDIR }
    }

    /// Visits the names of a path that are there; a missing one ends the walk.
    ///
    /// - Parameter body: Whether to go on.
    package static func visit(
        _ path: String, _ body: (Step) throws(AgentIDError) -> Bool
    ) throws(AgentIDError) {
        let slash = UInt8(ascii: "/")
        var rest = Array(path.parts(at: slash).reversed())
        if !path.utf8.starts(with: "/".utf8) {
            guard let here = unsafe getcwd(nil, 0) else { throw Files.failure("cannot find", ".") }
            defer { unsafe free(here) }
            rest += unsafe String(cString: here).parts(at: slash).reversed()
        }
        var (place, links) = ("", 0)
        while let name = rest.popLast() {
            if name.isSame(as: ".") { continue }
            if name.isSame(as: "..") {
                place = place.parts(at: slash).dropLast().map { "/\($0)" }.joined()
                continue
            }
            let next = "\(place)/\(name)"
            var status = stat()
            guard unsafe lstat(next, &status) == 0 else {
                guard errno == ENOENT else { throw Files.failure("cannot look at", next) }
                return
            }
            let step = Step(path: next, owner: (status.st_uid, status.st_gid), mode: status.st_mode)
            guard try body(step) else { return }
            guard step.isLink else {
                place = next
                continue
            }
            links += 1
            guard links <= 40 else {
                errno = ELOOP
                throw Files.failure("cannot find", path)
            }
            let target = try target(of: next)
            if target.utf8.starts(with: "/".utf8) { place = "" }
            rest += target.parts(at: slash).reversed()
        }
    }

    private static func target(of link: String) throws(AgentIDError) -> String {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = unsafe bytes.withUnsafeMutableBytes { buffer in
            guard let start = buffer.baseAddress else { return -1 }
            return unsafe readlink(link, start.assumingMemoryBound(to: CChar.self), buffer.count)
        }
        guard count > 0, count < bytes.count else { throw Files.failure("cannot read", link) }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }
}
