internal import CProcess
internal import Glibc
internal import Synchronization

/// One page that all processes of a machine share: a word that moves after every change that guards must see, and the
/// registry's marks.
///
/// Guards load the word at every call. It only tells them when to look; the content comes from the registry itself. The
/// marks only grow: a file that has less than its mark was put back to an older state.
@safe final class SharedSequence: Sendable {
    // SAFETY: the page stays mapped as long as this object lives and is reached by atomic operations only.
    nonisolated(unsafe) private let words: UnsafeMutablePointer<Atomic<UInt64>>
    private let isWriter: Bool
    /// `nil` for a page of this process alone.
    private let path: String?
    private let identity: FileIdentity?
    /// Whether the file was found cut short: the page is then this process's own.
    private let isCut = Atomic<Bool>(false)

    private static let size = 4096
    static let magic: UInt64 = 0x7370_6f63_6864_6961
    // Away from the word that is loaded at each call: storing these must not take its cache line from readers.
    private enum Place { static let (magic, epoch, marks) = (16, 17, 24) }

    init(path: String, isWriter: Bool) throws(AgentIDError) {
        self.isWriter = isWriter
        guard let file = try Files.openIfPresent(path, isWriter ? .create : .read) else {
            throw AgentIDError(
                .io, name: "file", message: "\(path) is gone: open the authority once, which makes it anew", at: path)
        }
        defer { _ = close(file) }
        var status = stat()
        // Allocated, not only sized: storing into a hole on a full disk would raise SIGBUS.
        if isWriter {
            errno = posix_fallocate(file, 0, off_t(Self.size))
            guard errno == 0 else { throw Files.failure("cannot size", path) }
        }
        guard unsafe fstat(file, &status) == 0, status.st_size >= Self.size else {
            throw AgentIDError(
                .io, name: "file", message: "\(path) is too short: open the authority once to mend it", at: path)
        }
        let page = unsafe mmap(nil, Self.size, isWriter ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, file, 0)
        guard let page = unsafe page, unsafe page != MAP_FAILED else { throw Files.failure("cannot map", path) }
        unsafe words = page.assumingMemoryBound(to: Atomic<UInt64>.self)
        (self.path, identity) = (path, FileIdentity(of: file))
    }

    /// A page of this process alone.
    init() throws(AgentIDError) {
        isWriter = true
        let page = unsafe mmap(nil, Self.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let page = unsafe page, unsafe page != MAP_FAILED else { throw Files.failure("cannot map", "memory") }
        unsafe words = page.assumingMemoryBound(to: Atomic<UInt64>.self)
        (path, identity) = (nil, nil)
    }

    deinit { unsafe munmap(words, Self.size) }

    var value: UInt64 { unsafe words.pointee.load(ordering: .acquiring) }

    /// Counts up: in whatever order processes come, and whatever the word was, it moves.
    func advance() {
        guard isWriter else { return }
        unsafe words.pointee.wrappingAdd(1, ordering: .acquiringAndReleasing)
    }

    // MARK: Marks

    /// Whether the path still names this page's file, at its full length. Ask before an access that comes after a
    /// pause: touching a page that was cut off raises SIGBUS.
    var isInPlace: Bool {
        guard let path else { return true }
        guard !isCut.load(ordering: .acquiring), let look = FileLook(path), look.identity == identity else {
            return false
        }
        guard look.size < Self.size else { return true }
        isCut.store(true, ordering: .releasing)
        // An empty page in its place: nothing that comes later raises the signal.
        _ = unsafe mmap(words, Self.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
        return false
    }

    /// The epoch of the registry that the marks belong to; `nil` if they belong to none yet.
    var epoch: SIMD2<UInt64>? {
        guard unsafe word(Place.magic).pointee.load(ordering: .acquiring) == Self.magic else { return nil }
        return unsafe SIMD2(
            word(Place.epoch).pointee.load(ordering: .relaxed), word(Place.epoch + 1).pointee.load(ordering: .relaxed))
    }

    /// Assigns the marks to a registry. If they belonged to another one, they start again.
    func adopt(_ epoch: SIMD2<UInt64>) {
        guard isWriter, self.epoch != epoch else { return }
        unsafe word(Place.magic).pointee.store(0, ordering: .releasing)
        for mark in RegistryMark.allCases {
            unsafe word(Place.marks + mark.rawValue).pointee.store(0, ordering: .relaxed)
        }
        unsafe word(Place.epoch).pointee.store(epoch.x, ordering: .relaxed)
        unsafe word(Place.epoch + 1).pointee.store(epoch.y, ordering: .relaxed)
        unsafe word(Place.magic).pointee.store(Self.magic, ordering: .releasing)
    }

    func reached(_ mark: RegistryMark) -> UInt64 {
        unsafe word(Place.marks + mark.rawValue).pointee.load(ordering: .acquiring)
    }

    /// Raises a mark to `value` if it is lower.
    func reach(_ mark: RegistryMark, _ value: UInt64) {
        guard isWriter else { return }
        unsafe word(Place.marks + mark.rawValue).pointee.max(value, ordering: .acquiringAndReleasing)
    }

    private func word(_ index: Int) -> UnsafeMutablePointer<Atomic<UInt64>> { unsafe words + index }
}
