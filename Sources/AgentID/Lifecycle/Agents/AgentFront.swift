internal import Glibc
internal import StrictJSON
internal import Synchronization

/// The part of an agent that its decisions need, on one line of memory, close to those of other agents: who decides for one of
/// many reads it from memory, not from a cache. Safe to use from any thread, as long as the agent is held.
@safe package struct AgentFront: Sendable {
    // SAFETY: a place of the guard that is this agent's until it leaves, and until decisions that are being made end. All of it
    // but `guardian`, which never changes, is reached only between lock and unlock of its `mutex`.
    nonisolated(unsafe) private let place: UnsafeMutablePointer<AgentFronts.Place>

    init(at guardian: Guard) { unsafe place = guardian.fronts.take(guardian) }

    @inline(__always)
    private func withLock<Result>(_ body: (inout AgentFronts.Place) -> Result) -> Result {
        unsafe pthread_mutex_lock(&place.pointee.mutex)
        defer { unsafe pthread_mutex_unlock(&place.pointee.mutex) }
        return unsafe body(&place.pointee)
    }

    /// Called as the agent goes, which kept the guard alive. From now on the decisions under way keep it.
    func leave() {
        keep(nil)
        let isDeciding = withLock { place in
            place.isLeft = true
            if place.deciding > 0 { _ = unsafe place.guardian.retain() }
            return place.deciding > 0
        }
        if !isDeciding { giveBack() }
    }

    private func giveBack() {
        unsafe place.pointee.guardian._withUnsafeGuaranteedRef { unsafe $0.fronts.giveBack(place) }
    }

    /// The agent's chain, as the authority's guard verified it; `nil` where that has not yet, or is to do so again, and of an
    /// agent that was closed.
    var verified: VerifiedChain? {
        let kept = withLock { $0.verified }
        return kept?.isWornOut.load(ordering: .relaxed) == true ? nil : kept
    }

    func keep(_ verified: VerifiedChain?) {
        // What was kept before goes after the lock.
        _ = withLock { place in
            defer { place.verified = verified }
            return place.verified
        }
    }

    /// Notes that the agent was told labels that no directory keeps.
    func note() { withLock { $0.hasNotes = true } }

    /// A decision that was begun, to be ended by ``AgentFront/decide(_:tool:arguments:)``.
    package struct Begun {
        fileprivate let chain: VerifiedChain
    }

    /// Begins a decision, whatever becomes of the agent from then on; `nil` where there is more to it: then the agent is to be
    /// asked.
    package func begin() -> Begun? {
        withLock { place in
            guard let verified = place.verified, !place.hasNotes else { return nil }
            place.deciding += 1
            return Begun(chain: verified)
        }
    }

    /// As ``Agent/check(tool:arguments:)``; `nil` where the agent is to be asked.
    package func decide(_ begun: Begun, tool: String, arguments: [UInt8]) -> Decision? {
        let chain = begun.chain
        // Not counted: that would write a line of memory which all agents share.
        let guardian = unsafe place.pointee.guardian
        defer {
            let isLast = withLock { place in
                place.deciding -= 1
                return place.isLeft && place.deciding == 0
            }
            if isLast {
                giveBack()
                unsafe guardian.release()
            }
        }
        guard !chain.isWornOut.load(ordering: .relaxed) else { return nil }
        return unsafe guardian._withUnsafeGuaranteedRef {
            $0.decision(on: tool, arguments, proof: nil) { _ in chain }
        }
    }
}
