internal import CProcess
internal import Glibc
internal import Synchronization

/// The bytes of a mapped segment, for its owner to write. A plain value, so that an append counts no references.
///
/// The owner keeps the position and never reads it back from the mapping, where others could have written.
@safe struct AuditSegmentMemory: Sendable {
    // SAFETY: used only by and through the segment that mapped it, by one caller at a time; every write is within
    // `capacity`.
    nonisolated(unsafe) private let base: UnsafeMutableRawPointer
    let capacity: Int
    private let seed: UInt64

    @unsafe init(base: UnsafeMutableRawPointer, capacity: Int, seed: UInt64) {
        unsafe (self.base, self.capacity, self.seed) = (base, capacity, seed)
    }

    /// The position of the first frame.
    static let start = AuditSegmentHeader.size

    /// Appends a frame at `position`. Returns the position of the next one, `nil` if this one does not fit.
    ///
    /// - Parameter template: The position of the facts' template.
    func append(
        _ kind: AuditFrame.Kind, _ bytes: Span<UInt8>, of template: Int? = nil, at position: Int
    ) -> Int? {
        let length = bytes.count &+ (template == nil ? 0 : 8)
        guard position >= Self.start, bytes.count > 0, length <= AuditFrame.longestLine,
            position &+ AuditFrame.size(of: length) <= capacity
        else { return nil }
        unsafe bytes.withUnsafeBytes { bytes in
            guard let source = bytes.baseAddress else { return }
            let payload = unsafe base + position + AuditFrame.headerSize
            if let template { unsafe payload.storeBytes(of: UInt64(template).littleEndian, as: UInt64.self) }
            unsafe (payload + length - bytes.count).copyMemory(from: source, byteCount: bytes.count)
            let checksum = unsafe XXH64.hash(
                UnsafeRawBufferPointer(start: payload, count: length), seed: AuditFrame.seed(seed, at: position))
            unsafe (base + position + 8).storeBytes(of: checksum.littleEndian, as: UInt64.self)
        }
        commit(AuditFrame.word(kind, length: length), at: position)
        return position &+ AuditFrame.size(of: length)
    }

    /// Writes the header where it does not stand there. Returns whether it did not.
    @discardableResult func keep(_ header: [UInt8]) -> Bool {
        guard header.count == Self.start, header.count <= capacity else { return false }
        guard unsafe memcmp(base, header, header.count) != 0 else { return false }
        unsafe base.copyMemory(from: header, byteCount: header.count)
        return true
    }

    /// Marks the end: nothing will follow.
    func seal(at position: Int) {
        guard position >= Self.start, position <= capacity - 8 else { return }
        commit(AuditFrame.seal, at: position)
    }

    /// The one store that commits a frame: a reader that sees it also sees the bytes stored before.
    private func commit(_ word: UInt64, at position: Int) {
        let first = unsafe (base + position).assumingMemoryBound(to: Atomic<UInt64>.self)
        unsafe first.pointee.store(word.littleEndian, ordering: .releasing)
    }

    /// Makes the kernel map the pages of the next `count` bytes writable, so that an append does not fault.
    func touch(from position: Int, count: Int) {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let start = position / page * page
        let end = min(position + count, capacity)
        // MADV_POPULATE_WRITE, which changes no content; kernels before 5.14 refuse it, and appends there are slower.
        if start < end { _ = unsafe madvise(base + start, end - start, 23) }
    }

    /// Puts memory of this process alone in the file's place: what is written from now on is lost.
    func detach() {
        _ = unsafe mmap(base, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
    }

    /// Unmaps the memory: nothing of this is used afterwards.
    func unmap() { unsafe munmap(base, capacity) }
}
