internal import Glibc
internal import JOSE

/// The places of the fronts of a guard's agents, a page of them at a time: see ``AgentFront``.
@safe final class AgentFronts: Sendable {
    /// 64 bytes.
    @safe struct Place {
        /// The agent's chain, as the authority's guard verified it.
        var verified: VerifiedChain?
        let guardian: Unmanaged<Guard>
        var mutex = unsafe pthread_mutex_t()
        /// The number of decisions that are being made from here.
        var deciding: Int32 = 0
        /// Whether the agent was told labels that no directory keeps.
        var hasNotes = false
        /// Whether the agent has gone.
        var isLeft = false
    }

    private static let page = 4096
    @safe private struct State {
        var pages: [UnsafeMutableRawPointer] = unsafe []
        var free: [UnsafeMutablePointer<Place>] = unsafe []
    }
    // SAFETY: pages that are this object's; each place is free or one front's.
    private let state = Locked(State())

    deinit { state.withLock { unsafe $0.pages.forEach { unsafe $0.deallocate() } } }

    /// A place for an agent of a guard, which is to live as long as the place is taken.
    func take(_ guardian: Guard) -> UnsafeMutablePointer<Place> {
        let place = unsafe state.withLock { state in
            if unsafe state.free.isEmpty {
                let page = UnsafeMutableRawPointer.allocate(byteCount: Self.page, alignment: Self.page)
                unsafe state.pages.append(page)
                let count = Self.page / MemoryLayout<Place>.stride
                let first = unsafe page.bindMemory(to: Place.self, capacity: count)
                for i in (0..<count).reversed() { unsafe state.free.append(first + i) }
            }
            return unsafe state.free.removeLast()
        }
        unsafe place.initialize(to: Place(guardian: .passUnretained(guardian)))
        unsafe pthread_mutex_init(&place.pointee.mutex, nil)
        return unsafe place
    }

    func giveBack(_ place: UnsafeMutablePointer<Place>) {
        unsafe pthread_mutex_destroy(&place.pointee.mutex)
        unsafe place.deinitialize(count: 1)
        state.withLock { unsafe $0.free.append(place) }
    }
}
