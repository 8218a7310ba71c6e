internal import JOSE
internal import StrictJSON
internal import Synchronization

/// Changes an authority's agents: registers, rotates, revokes. Each change is one transaction with its event.
///
/// Outlives the authority as long as an agent does: an agent can still end itself when the keys are gone.
final class Lifecycle: Sendable {
    let registry: any Registry
    let view: RegistryView
    let keys: SigningKeys
    let clock: CheckedClock
    let steady: SteadyClock
    private let leasing: Leasing
    let recorder: EventRecorder
    let leases: LeaseKeeper
    let hooks: HookRunner
    let broker: Broker
    let denials: DenialNotifier
    /// `nil` where the registry is in memory, and nobody else can have its lock.
    let journal: Journal?
    let unfinished = UnfinishedWrites()
    /// Of the authority's own guard, a ``MetersOpening``.
    let meters = LatestPlace()
    /// The number of callers that are ending all agents of a departing principal or profile.
    let callersEndingAll = Atomic<Int>(0)
    /// Bounds the calls to a caller's signer.
    let signing = BoundedCall()
    /// Why nothing that has to be written down can be; `nil` where it can, or need not be.
    private let logBreach: @Sendable () -> AgentIDError?

    init(
        of view: RegistryView, keys: SigningKeys, clock: CheckedClock, steady: SteadyClock, leasing: Leasing,
        journal: Journal?, isLogging: Bool, logBreach: @escaping @Sendable () -> AgentIDError? = { nil }
    ) {
        registry = view.registry
        (self.view, self.keys, self.clock, self.steady) = (view, keys, clock, steady)
        (self.leasing, self.journal, self.logBreach) = (leasing, journal, logBreach)
        recorder = EventRecorder(isLogging: isLogging)
        leases = LeaseKeeper()
        let hooks = HookRunner(registry: registry, clock: clock)
        self.hooks = hooks
        denials = DenialNotifier(registry: registry) { hooks.wake() }
        broker = Broker(registry: registry, view: view, clock: clock, steady: steady)
    }

    var leaseDuration: Int64 { leasing.duration }
    var resumeWithin: Int64 { leasing.resumeWithin }
    var trustDomain: TrustDomain { view.trustDomain }

    /// Renews and runs nothing any more.
    func stop() {
        leases.stop()
        unfinished.stop(self)
        denials.stop()
        hooks.stop()
        broker.stop()
    }

    /// Takes note of agents that ended, once that is committed.
    func settle(ended: [AgentRecord]) {
        guard !ended.isEmpty else { return }
        view.revocations.add(ended.map { Revocation(unchecked: .agent, $0.id) })
        for agent in ended { leases.take(agent.id)?.markEnded() }
        // Nobody's end waits for a file: those that are buried are looked at again.
        release(ended, opens: false)
    }

    /// Lets the labels and budgets of ended agents go.
    ///
    /// - Parameter opens: whether to open the file of meters for that.
    func release(_ ended: [AgentRecord], opens: Bool) {
        meters.found(MetersOpening.self)?.release(ended: ended.map(\.id), now: clock.milliseconds, opens: opens)
    }

    /// Refuses, by the same name, while guards of this directory deny everything: what it is, or its log, is not what was
    /// opened.
    func checkWhole() throws(AgentIDError) {
        // What cannot be read for another reason shows where it is read.
        do throws(AgentIDError) { try view.refresh() } catch { if view.isBroken { throw error } }
        if let breach = logBreach() { throw breach }
    }

    /// As ``checkWhole()``, after something was taken away that stays so.
    func checkWholeAfterwards() throws(AgentIDError) {
        do throws(AgentIDError) { try checkWhole() } catch {
            throw error.pending("it is in the registry, and everything is denied until this is mended")
        }
    }
}

/// The times of an authority's leases, in seconds.
struct Leasing: Sendable {
    /// The length of a lease.
    let duration: Int64
    /// The time after lapsing in which a lease may still be renewed.
    let resumeWithin: Int64
}
