internal import Glibc

/// Many small secrets of one size in one mapping, between two guard pages. It is never dumped, is gone after `fork()`,
/// and is not swapped if the process may lock that much memory.
///
/// With a mapping for each secret (`sodium_malloc` makes four), a process would end at 16,000 keys: Linux allows it
/// 65,530 mappings. A stack of free indices in ordinary memory finds the cells; nothing of a secret is written there.
@safe final class GuardedSlab: Sendable {
    let cellSize: Int
    let cellCount: Int
    /// Whether the kernel promised not to swap it.
    let isLocked: Bool
    /// Whether the kernel removes the memory from a forked child. If not, ``wipe()`` is called there.
    let isWipedOnFork: Bool
    // SAFETY: mapped as long as this object lives. A cell is reached by its owner alone; the word at `mark` is written
    // before the object is shared, and in a forked child, where nobody else runs.
    nonisolated(unsafe) private let mapping: UnsafeMutableRawPointer
    private let mappedBytes: Int
    private static let page = max(Int(sysconf(Int32(_SC_PAGESIZE))), 4096)

    /// `nil` if there is no memory, or no mapping left.
    init?(cellSize: Int, cellCount: Int) {
        let page = Self.page
        // The first cell holds the mark.
        let bytes = ((cellCount + 1) * cellSize + page - 1) / page * page
        let whole = unsafe mmap(nil, bytes + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let whole = unsafe whole, unsafe whole != MAP_FAILED else { return nil }
        let data = unsafe whole + page
        guard unsafe mprotect(data, bytes, PROT_READ | PROT_WRITE) == 0 else {
            unsafe munmap(whole, bytes + 2 * page)
            return nil
        }
        // The kernel may refuse each of these (a limit, gVisor, an old kernel): a refusal is reported and compensated.
        isLocked = unsafe mlock(data, bytes) == 0
        _ = unsafe madvise(data, bytes, 16 /* MADV_DONTDUMP */)
        isWipedOnFork = unsafe madvise(data, bytes, 18 /* MADV_WIPEONFORK */) == 0
        (self.cellSize, self.cellCount) = (cellSize, cellCount)
        unsafe mapping = whole
        mappedBytes = bytes
        unsafe data.storeBytes(of: Self.present, as: UInt64.self)
    }

    deinit { unsafe munmap(mapping, mappedBytes + 2 * Self.page) }

    private static let present: UInt64 = 0x7365_6372_6574_7321

    /// Whether this is the process that made it; a forked child reads zeroes.
    var isPresent: Bool { unsafe (mapping + Self.page).load(as: UInt64.self) == Self.present }

    /// The address of a cell.
    func cell(_ index: Int) -> UnsafeMutablePointer<UInt8> {
        unsafe (mapping + Self.page + (index + 1) * cellSize).assumingMemoryBound(to: UInt8.self)
    }

    var byteCount: Int { mappedBytes }

    /// Overwrites everything, the mark too: for a forked child whose kernel did not.
    func wipe() { unsafe Sodium.wipe(mapping + Self.page, mappedBytes) }
}
