internal import Glibc

/// A new directory, in memory unless `TMPDIR` says where; `nil` where there is no room. Who runs the program removes `TMPDIR`.
package func scratchDirectory() -> String? {
    let parent = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/dev/shm"
    var template = Array("\(parent)/agentid.XXXXXX".utf8CString)
    return unsafe template.withUnsafeMutableBufferPointer { path in
        guard let start = path.baseAddress, unsafe mkdtemp(start) != nil else { return nil }
        return unsafe String(cString: start)
    }
}
