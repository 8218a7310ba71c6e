internal import CProcess
internal import Glibc

/// Tells whether this process is the one that made it, at the cost of one load.
///
/// In a forked child, the kernel replaces the page marked here with zeroes.
@safe final class ForkMark: Sendable {
    // SAFETY: the page is written once, before the object is shared, and unmapped with it.
    nonisolated(unsafe) private let page: UnsafeMutableRawPointer?
    private let owner = getpid()

    init() {
        let page = unsafe mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let page = unsafe page, unsafe page != MAP_FAILED else {
            unsafe self.page = nil
            return
        }
        guard unsafe madvise(page, 4096, 18 /* MADV_WIPEONFORK */) == 0 else {
            unsafe munmap(page, 4096)
            unsafe self.page = nil
            return
        }
        unsafe page.storeBytes(of: 1, as: UInt64.self)
        unsafe self.page = page
    }

    deinit { if let page = unsafe page { unsafe munmap(page, 4096) } }

    /// Whether this is a child of the process that made the mark.
    var isInChild: Bool {
        // Kernels before 4.14 cannot wipe on fork: compare process IDs there.
        guard let page = unsafe page else { return getpid() != owner }
        return unsafe page.load(as: UInt64.self) != 1
    }
}
