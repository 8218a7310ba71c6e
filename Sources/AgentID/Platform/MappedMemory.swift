internal import CProcess
internal import Glibc

/// Mapped memory, until it goes.
@safe final class MappedMemory: Sendable {
    // SAFETY: stays mapped as long as this object lives; who takes its address holds the object.
    nonisolated(unsafe) let start: UnsafeMutableRawPointer
    nonisolated(unsafe) private let base: UnsafeMutableRawPointer
    private let length: Int

    /// Maps `count` bytes of a file, or of nothing but this process's memory (-1): zeros.
    ///
    /// - Parameter isCopy: whether what is stored here stays here.
    init?(_ file: Int32, from offset: Int, count: Int, isCopy: Bool = false) {
        // Mappings begin with pages, which are 4 to 64 KiB; segments begin one after the other.
        let skipped = file < 0 ? 0 : offset % max(sysconf(Int32(_SC_PAGESIZE)), 1)
        length = skipped + count
        let flags = file < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : isCopy ? MAP_PRIVATE : MAP_SHARED
        let mapped = unsafe mmap(nil, length, PROT_READ | PROT_WRITE, flags, file, file < 0 ? 0 : offset - skipped)
        guard let mapped = unsafe mapped, unsafe mapped != MAP_FAILED else { return nil }
        unsafe base = mapped
        unsafe start = mapped + skipped
    }

    deinit { unsafe munmap(base, length) }
}
