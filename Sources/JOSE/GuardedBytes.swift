/// The bytes of a secret. They lie between guard pages, are never dumped, are wiped on release and are gone after
/// `fork()`. They are not swapped if the process may lock its memory (``SecretMemory/isLocked``).
///
/// Small secrets share a mapping with others of their size. Safe from any thread.
@safe package final class GuardedBytes: Sendable {
    package let count: Int
    private let cell: GuardedPool.Cell
    // SAFETY: the cell belongs to this object alone and is written only before the object is shared.
    nonisolated(unsafe) private let base: UnsafeMutablePointer<UInt8>

    /// 1 to 1,048,576 bytes, all zero; `nil` if no guarded memory is available.
    package init?(count: Int) {
        guard Sodium.isAvailable, let cell = GuardedPool.shared.allocate(count) else { return nil }
        (self.count, self.cell) = (count, cell)
        unsafe base = cell.slab.cell(cell.index)
    }

    deinit {
        if cell.slab.isPresent { unsafe Sodium.wipe(base, count) }
        GuardedPool.shared.free(cell)
    }

    package func withUnsafeBytes<R>(_ body: (UnsafeBufferPointer<UInt8>) -> R) -> R {
        unsafe body(UnsafeBufferPointer(start: base, count: count))
    }

    /// Only for filling, before the object is shared.
    package func withUnsafeMutableBytes<R>(_ body: (UnsafeMutableBufferPointer<UInt8>) -> R) -> R {
        unsafe body(UnsafeMutableBufferPointer(start: base, count: count))
    }

    package func withSpan<R>(_ body: (Span<UInt8>) -> R) -> R {
        unsafe body(Span(_unsafeStart: UnsafePointer(base), count: count))
    }
}

/// The memory that holds this process's secrets.
package enum SecretMemory {
    /// Whether none of it can be swapped out; `false` if `RLIMIT_MEMLOCK` or a sandbox prevented locking all of it.
    package static var isLocked: Bool {
        // Takes a cell, so that there is an answer before there is a key.
        guard GuardedBytes(count: 32) != nil else { return false }
        return GuardedPool.shared.status.unlockedBytes == 0
    }
}
