internal import Glibc

/// The memory of all secrets of a process: slabs of cells by size, made as they are needed.
///
/// There is one pool for each process, because the kernel limits mappings and locked memory for each process. Safe from
/// any thread.
final class GuardedPool: Sendable {
    static let shared = GuardedPool()

    /// A cell in use; ``GuardedPool/free(_:)`` gives it back.
    struct Cell: Sendable {
        let slab: GuardedSlab
        let index: Int
    }

    private struct Shelf {
        let slab: GuardedSlab
        var free: [Int32]
    }

    private struct Shelves {
        /// The shelves, indexed by the power of two of their cells' size.
        var bySize: [[Shelf]] = Array(repeating: [], count: GuardedPool.largestPower + 1)
        var isWipedByHand = false
    }

    private static let smallestPower = 6
    private static let largestPower = 20
    /// The largest secret.
    static let largestCell = 1 << largestPower
    /// The size of the first slab for a cell size, in bytes; each later slab is twice as large, up to the last. Larger
    /// cells have a slab each.
    private static let (firstBytes, lastBytes) = (64 << 10, 4 << 20)
    private static let largestShared = 1 << 12

    private let shelves = Locked(Shelves())

    private init() {}

    /// Returns a cell of at least `count` bytes, all zero; `nil` if there is hardly any memory, and in a forked child.
    func allocate(_ count: Int) -> Cell? {
        guard count > 0, count <= Self.largestCell, Self.hasRoom() else { return nil }
        var power = Self.smallestPower
        while 1 << power < count { power += 1 }
        return shelves.withLock { shelves in
            for i in shelves.bySize[power].indices.reversed() {
                guard shelves.bySize[power][i].slab.isPresent else { return nil }
                if let index = shelves.bySize[power][i].free.popLast() {
                    return Cell(slab: shelves.bySize[power][i].slab, index: Int(index))
                }
            }
            guard let shelf = Self.shelf(power, after: shelves.bySize[power].count) else { return nil }
            if !shelf.slab.isWipedOnFork, !shelves.isWipedByHand {
                guard pthread_atfork(nil, nil, { GuardedPool.shared.wipeInChild() }) == 0 else { return nil }
                shelves.isWipedByHand = true
            }
            var made = shelf
            guard let index = made.free.popLast() else { return nil }
            shelves.bySize[power].append(made)
            return Cell(slab: made.slab, index: Int(index))
        }
    }

    /// Whether the process may map 16 MiB more: a slab, and what tables take that grow. Without a key no agent is made, which is an
    /// error; later allocations could not be refused, and one that fails ends the process.
    private static func hasRoom() -> Bool {
        let size = 16 << 20
        let room = unsafe mmap(
            nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let room = unsafe room, unsafe room != MAP_FAILED else { return false }
        unsafe munmap(room, size)
        return true
    }

    private static func shelf(_ power: Int, after present: Int) -> Shelf? {
        let bytes = min(firstBytes << min(present, 6), lastBytes)
        let count = 1 << power > largestShared ? 1 : bytes / (1 << power) - 1
        guard let slab = GuardedSlab(cellSize: 1 << power, cellCount: count) else { return nil }
        return Shelf(slab: slab, free: (0..<Int32(count)).reversed())
    }

    /// Takes back a cell that its owner has wiped. An unused slab is released, unless it is the first of a small size.
    func free(_ cell: Cell) {
        // In a child the secret is gone, and another thread may have held the lock at the fork.
        guard cell.slab.isPresent else { return }
        var gone: GuardedSlab?
        shelves.withLock { shelves in
            var power = Self.smallestPower
            while 1 << power < cell.slab.cellSize { power += 1 }
            guard let i = shelves.bySize[power].firstIndex(where: { $0.slab === cell.slab }) else { return }
            shelves.bySize[power][i].free.append(Int32(truncatingIfNeeded: cell.index))
            let isSpare = i > 0 || cell.slab.cellSize > Self.largestShared
            if isSpare, shelves.bySize[power][i].free.count == cell.slab.cellCount {
                gone = shelves.bySize[power].remove(at: i).slab
            }
        }
        // Unmaps the slab here, after the lock.
        _ = gone.take()
    }

    /// For a forked child, which has this one thread: takes no lock, since another thread may have held it.
    private func wipeInChild() {
        shelves.withoutLock { shelves in
            for shelf in shelves.bySize.joined() where !shelf.slab.isWipedOnFork { shelf.slab.wipe() }
        }
    }

    /// The bytes of secrets' memory, and the number of them that may be swapped out.
    var status: (bytes: Int, unlockedBytes: Int) {
        shelves.withLock { shelves in
            shelves.bySize.joined().reduce(into: (0, 0)) { sum, shelf in
                sum.0 += shelf.slab.byteCount
                if !shelf.slab.isLocked { sum.1 += shelf.slab.byteCount }
            }
        }
    }
}
