internal import CProcess
internal import Glibc
internal import Synchronization

/// One word that all processes of a machine share: it moves after every change that guards must see.
///
/// Guards load it at every call. It only tells when to look; what is seen comes from the registry itself.
@safe final class SharedSequence: Sendable {
    // SAFETY: the page stays mapped as long as this object lives and is reached by atomic operations only.
    nonisolated(unsafe) private let word: UnsafeMutablePointer<Atomic<UInt64>>
    private let isWriter: Bool

    init(path: String, isWriter: Bool) throws(AgentIDError) {
        self.isWriter = isWriter
        let file = try Files.open(path, isWriter ? .create : .read)
        defer { _ = close(file) }
        var status = stat()
        // Allocated, not only sized: a store into a hole of a full disk would be SIGBUS.
        if isWriter {
            errno = posix_fallocate(file, 0, 4096)
            guard errno == 0 else { throw Files.failure("cannot size", path) }
        }
        guard unsafe fstat(file, &status) == 0, status.st_size >= 4096 else {
            throw AgentIDError(
                .io, name: "file", message: "\(path) is too short: open the authority once to mend it", at: path)
        }
        let page = unsafe mmap(nil, 4096, isWriter ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, file, 0)
        guard let page = unsafe page, unsafe page != MAP_FAILED else { throw Files.failure("cannot map", path) }
        unsafe word = page.assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    /// A word of this process alone.
    init() throws(AgentIDError) {
        isWriter = true
        let page = unsafe mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let page = unsafe page, unsafe page != MAP_FAILED else { throw Files.failure("cannot map", "memory") }
        unsafe word = page.assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    deinit { unsafe munmap(word, 4096) }

    var value: UInt64 { unsafe word.pointee.load(ordering: .acquiring) }

    /// Counts up: whatever order processes come in, and whatever stood there, the word moves.
    func advance() {
        guard isWriter else { return }
        unsafe word.pointee.wrappingAdd(1, ordering: .acquiringAndReleasing)
    }
}
