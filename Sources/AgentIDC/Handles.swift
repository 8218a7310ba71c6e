internal import Glibc
internal import JOSE
internal import Synchronization

/// Live objects by handle. A handle is a kind, a slot and a generation, never an address: any 64 bits may be looked up.
///
/// Slots lie in as many parts as there are stripes, each with its lock: threads that use different objects meet seldom.
final class HandleTable<Object: Sendable>: Sendable {
    /// Which part a new object goes to.
    enum Placing: Sendable {
        /// Each to the next part: for what one thread makes and others use.
        case inTurn
        /// To the part of the thread that makes it, and most often frees it.
        case byThread
    }

    private struct Slot {
        var generation: UInt32 = 1
        var object: Object?
    }

    private struct Slots {
        var all: [Slot] = []
        var free: [Int] = []

        /// The slot that an object was put into; `nil` where all are taken.
        mutating func put(_ object: Object, most: Int) -> Int? {
            let slot: Int
            if let reused = free.popLast() {
                slot = reused
            } else {
                guard all.count < most else { return nil }
                slot = all.count
                all.append(Slot())
            }
            all[slot].object = object
            return slot
        }
    }

    /// Of the 24 bits of a slot, the 6 above these say which part it is of.
    private static var bitsInPart: UInt64 { 18 }
    private let kind: UInt64
    private let placing: Placing
    private let parts = LockedStripes { Slots() }
    private let inserted = Atomic<Int>(0)

    /// - Parameter kind: 1 to 255, one for each type of handle.
    init(kind: UInt8, placing: Placing = .inTurn) { (self.kind, self.placing) = (UInt64(kind), placing) }

    /// The handle of a new object; 0 where 2^24 objects live already.
    func insert(_ object: Object) -> UInt64 {
        let first =
            switch placing {
            case .inTurn: inserted.add(1, ordering: .relaxed).oldValue
            case .byThread: ThreadStripe.current
            }
        for next in 0..<ThreadStripe.count {
            let part = (first &+ next) & (ThreadStripe.count - 1)
            let place = parts.withLock(part) { slots in
                slots.put(object, most: 1 << Self.bitsInPart).map { ($0, slots.all[$0].generation) }
            }
            guard let (slot, generation) = place else { continue }
            return kind << 56 | (UInt64(part) << Self.bitsInPart | UInt64(slot)) << 32 | UInt64(generation)
        }
        return 0
    }

    func find(_ handle: UInt64) -> Object? { find(handle) { $0 } }

    /// A part of an object: nothing else of it is looked at or counted.
    @inline(__always)
    func find<Part>(_ handle: UInt64, _ part: (Object) -> Part) -> Part? {
        parts.withLock(self.part(of: handle)) { slots in
            guard let slot = locate(handle, slots.all.span) else { return nil }
            return slots.all[slot].object.map(part)
        }
    }

    /// Takes an object out, once.
    func remove(_ handle: UInt64) -> Object? {
        parts.withLock(part(of: handle)) { slots in
            guard let slot = locate(handle, slots.all.span) else { return nil }
            let object = slots.all[slot].object
            slots.all[slot].object = nil
            // A slot whose generations are used up is not used again.
            slots.all[slot].generation &+= 1
            if slots.all[slot].generation != 0 { slots.free.append(slot) }
            return object
        }
    }

    private func part(of handle: UInt64) -> Int { Int(handle >> (32 + Self.bitsInPart) & (1 << 6 - 1)) }

    @inline(__always)
    private func locate(_ handle: UInt64, _ slots: borrowing Span<Slot>) -> Int? {
        let slot = Int(handle >> 32 & (1 << Self.bitsInPart - 1))
        guard handle >> 56 == kind, slot < slots.count, slots[slot].object != nil,
            UInt64(slots[slot].generation) == handle & 0xFFFF_FFFF
        else { return nil }
        return slot
    }
}

extension HandleTable {
    func insert(_ object: Object) throws(Failure) -> OpaquePointer {
        guard let pointer = unsafe OpaquePointer(bitPattern: UInt(insert(object) as UInt64)) else {
            throw Failure(status: 10, name: "handles", message: "too many live handles: close some")
        }
        return unsafe pointer
    }

    func find(_ pointer: OpaquePointer?, _ name: String) throws(Failure) -> Object {
        // What is read of an object without a call: its part may be locked for good in a child.
        guard !Process.isForked, let object = find(UInt64(UInt(bitPattern: pointer))) else {
            throw Failure(
                status: 3, name: "handle", message: "\(name) is closed, stale or no handle of this type", place: name)
        }
        return object
    }

    func remove(_ pointer: OpaquePointer?) -> Object? {
        guard let pointer = unsafe pointer, !Process.isForked else { return nil }
        return remove(UInt64(UInt(bitPattern: pointer)))
    }
}

/// The process that the handles belong to.
enum Process {
    // SAFETY: written once, before it is published; the kernel alone changes it, in a child.
    nonisolated(unsafe) private static let page: UnsafeMutablePointer<UInt8>? = {
        let size = 4096
        let page = unsafe mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let page = unsafe page, unsafe page != MAP_FAILED,
            unsafe madvise(page, size, 18 /* MADV_WIPEONFORK */) == 0
        else { return nil }
        let bytes = unsafe page.assumingMemoryBound(to: UInt8.self)
        unsafe bytes.pointee = 1
        return unsafe bytes
    }()

    /// For kernels that do not clear pages in a child (before Linux 4.14, gVisor): the process ID, compared at every
    /// call.
    private static let number = getpid()

    /// Whether this is a child of the process that made the first call.
    static var isForked: Bool {
        if let page = unsafe page { return unsafe page.pointee != 1 }
        return getpid() != number
    }
}
