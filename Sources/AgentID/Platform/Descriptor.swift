internal import CProcess
internal import Glibc

/// An open file of this process, closed with its last owner and never inherited by accident.
final class Descriptor: Sendable {
    let number: Int32

    /// Moves the file above the standard three, which a host may have closed: the child's standard files must not
    /// overwrite it.
    private init(raising opened: Int32) throws(CommandProcess.Failed) {
        guard opened >= 0 else { throw CommandProcess.Failed(errno) }
        guard opened < 3 else {
            number = opened
            return
        }
        let raised = fcntl(opened, F_DUPFD_CLOEXEC, 3)
        let error = errno
        _ = close(opened)
        guard raised >= 0 else { throw CommandProcess.Failed(error) }
        number = raised
    }

    deinit { _ = close(number) }

    /// A file in memory: a command that does not read it blocks nobody and causes no SIGPIPE.
    static func holding(_ bytes: [UInt8]) throws(CommandProcess.Failed) -> Descriptor {
        let file = try Descriptor(raising: unsafe memfd_create("agentid-event", UInt32(CPROCESS_MFD_CLOEXEC)))
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes[written...].withUnsafeBytes { rest in
                unsafe pwrite(file.number, rest.baseAddress, rest.count, written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw CommandProcess.Failed(count < 0 ? errno : EIO) }
            written += count
        }
        return file
    }

    /// A pipe whose reading end does not block.
    static func pipe() throws(CommandProcess.Failed) -> (reading: Descriptor, writing: Descriptor) {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe2(&ends, O_CLOEXEC) == 0 else { throw CommandProcess.Failed(errno) }
        // Each end has an owner before the next can fail.
        let reading = Result { () throws(CommandProcess.Failed) in try Descriptor(raising: ends[0]) }
        let writing = Result { () throws(CommandProcess.Failed) in try Descriptor(raising: ends[1]) }
        let (input, output) = (try reading.get(), try writing.get())
        guard fcntl(input.number, F_SETFL, O_NONBLOCK) == 0 else { throw CommandProcess.Failed(errno) }
        return (input, output)
    }

    /// Two ends of a connection that keeps message boundaries; neither blocks.
    static func connection() throws(CommandProcess.Failed) -> (ours: Descriptor, theirs: Descriptor) {
        var ends: [Int32] = [-1, -1]
        guard unsafe cprocess_connection(&ends) == 0 else { throw CommandProcess.Failed(errno) }
        let ours = Result { () throws(CommandProcess.Failed) in try Descriptor(raising: ends[0]) }
        let theirs = Result { () throws(CommandProcess.Failed) in try Descriptor(raising: ends[1]) }
        return (try ours.get(), try theirs.get())
    }

    /// A file that discards what is written to it.
    static func nowhere() throws(CommandProcess.Failed) -> Descriptor {
        try Descriptor(raising: unsafe open("/dev/null", O_WRONLY | O_CLOEXEC))
    }

    /// Reads into `buffer`. Returns the number of bytes, 0 at the end, `nil` if nothing is available now.
    func read(into buffer: inout [UInt8]) -> Int? {
        while true {
            let count = unsafe Glibc.read(number, &buffer, buffer.count)
            if count >= 0 { return count }
            if errno == EINTR { continue }
            return errno == EAGAIN ? nil : 0
        }
    }

    /// Returns when one of them has something to read, after this many milliseconds, or on a signal.
    static func waitUntilReadable(_ descriptors: [Descriptor], milliseconds: Int32) {
        var entries = descriptors.map { pollfd(fd: $0.number, events: Int16(POLLIN), revents: 0) }
        unsafe poll(&entries, nfds_t(entries.count), milliseconds)
    }
}
