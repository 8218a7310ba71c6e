public import JOSE
public import Scopes
internal import StrictJSON
internal import Synchronization

/// One running agent instance: its ID, its key, its chain. Safe to use from any thread.
///
/// `end(reason:)` ends it, ``close()`` only lets go of it. An agent that nobody holds any more lives on in the
/// registry until its lease lapses; then it is denied, and whoever reaps next ends it.
public final class Agent: Sendable {
    struct State: Sendable {
        var held: HeldGrant
        var key: SigningKey
        var credential: HeldCredential?
        var lineage = Lineage()
        /// How the grant is renewed; `nil` where nobody here renews it.
        var term: Term?
    }

    /// The authority's side of an agent that was started in this process.
    struct Home: Sendable {
        let guardian: Guard
        let lifecycle: Lifecycle
    }

    let home: Home?
    /// Of ``home``, for what is asked of it at every decision.
    let guardian: Borrowed<Guard>?
    let clock: CheckedClock
    private let state: Locked<State?>
    /// `nil` where no authority is in this process. Whatever changes the chain in ``state`` takes it out of here, under the
    /// same lock.
    package let front: AgentFront?
    /// Its SPIFFE ID, where its grant names one: kept when the key is gone, so that it can still be ended.
    let name: String?
    /// Whether it was ended, not only let go of.
    private let isEnded = Atomic(false)
    /// Whether it was parked: this handle is its owner no more.
    private let hasLeft = Atomic(false)
    /// The end of the parking that it was taken up from, in milliseconds since 1970; 0: of none.
    let parkedUntil = Atomic<Int64>(0)
    /// Those that it had started and that were parked with it, until somebody takes them.
    private let unparked = Locked<[Agent]>([])
    /// Held while the key is replaced, and labels are noted: one grant is handed on once, with all of them.
    let turn = Locked<Void>(())
    /// The labels that it was told, and that no directory keeps.
    let noted = Locked<[String]>([])
    /// Whether there are any: asked at every call.
    let hasNotes = Atomic(false)
    /// Whether labels were taken away that its grant still says.
    private let isDeclassified = Atomic(false)

    init(_ state: State, clock: CheckedClock, home: Home?) {
        name = state.held.grant.claim?.agent
        self.state = Locked(state)
        self.clock = clock
        self.home = home
        guardian = home.map { Borrowed($0.guardian) }
        front = home.map { AgentFront(at: $0.guardian) }
    }

    deinit { front?.leave() }

    /// Takes up an identity whose grant was issued or delegated to `key`. The chain is read, not verified.
    public static func open(
        key: SigningKey, chain: String, credential: String? = nil, clock: any WallClock = SystemClock()
    ) throws(AgentIDError) -> Agent {
        let held = try HeldGrant(reading: Array(chain.utf8))
        guard held.grant.holder == key.publicKey else {
            throw AgentIDError(
                .state, name: "holder_key_invalid", message: "the chain's leaf is bound to another key",
                at: "options.key")
        }
        let credential = credential.map { HeldCredential(token: $0, key: key.publicKey, renewAt: nil) }
        return Agent(
            State(held: held, key: key, credential: credential), clock: CheckedClock(clock), home: nil)
    }

    /// The agent's SPIFFE ID; its key's thumbprint URI where its grant names none.
    public func id() throws(AgentIDError) -> String {
        let state = try current()
        return state.held.grant.claim?.agent ?? TokenType.thumbprintURI + state.key.thumbprint
    }

    /// The chain: grants from the root to this agent's own, joined by `~`.
    public func chain() throws(AgentIDError) -> String { String(decoding: try current().held.chain, as: UTF8.self) }

    /// The chain's reference, 51 bytes for a guard that has verified the chain before: see ``ChainReference``. Another one
    /// after each renewal: what goes with a proof is the reference of the chain it was made under.
    public func chainReference() throws(AgentIDError) -> String {
        ChainReference.text(ofLeaf: try current().held.signingInputHash)
    }

    /// Asked at every call: without a copy of everything else.
    func chainBytes() throws(AgentIDError) -> [UInt8] {
        guard let chain = state.withLock({ $0?.held.chain }) else { throw Agent.closed }
        return chain
    }

    /// Keeps what the authority's guard made of the chain, for as long as that is the agent's.
    func keep(_ verified: VerifiedChain) {
        state.withLock { if let held = $0?.held, verified.isPresented(as: held.chain) { front?.keep(verified) } }
    }

    /// The credential, where the agent has one.
    public func credential() throws(AgentIDError) -> String? { try current().credential?.token }

    /// The public key.
    public func publicKey() throws(AgentIDError) -> PublicKey { try current().key.publicKey }

    /// The agent's scope.
    public func scope() throws(AgentIDError) -> Scope { try current().held.scope }

    /// When the present grant ends, in seconds since 1970.
    ///
    /// Where the authority is in this process, a new grant is made at half its life as long as the agent is held: ask
    /// again. What was sent until then stays good until it ends.
    public func expires() throws(AgentIDError) -> Int64 { try current().held.grant.expires }

    /// Starts a sub-agent under this one, offline: an ID below this one's, a key of its own, a narrower grant.
    ///
    /// As long as it is held, so is this one, in whose name it acts.
    public func spawn(_ name: String, _ request: DelegationRequest) throws(AgentIDError) -> Agent {
        guard request.agent == nil else {
            throw AgentIDError(
                .argument, name: "delegate_only",
                message: "a sub-agent gets an ID below its parent's: to hand on to another agent, delegate to its key",
                at: "options.agent")
        }
        let state = try current()
        var request = request
        // A root that was started isolated isolates whatever it starts.
        if case .authority = state.term?.source, state.held.grant.claim?.isIsolated == true {
            request.isIsolated = true
        }
        guard !request.isIsolated || home != nil else { throw Agent.unisolable }
        let parent = try SPIFFEID(id())
        let child: SPIFFEID
        do throws(AgentIDError) {
            child = try parent.child(name, instance: UUIDv7.make(at: clock.milliseconds))
        } catch { throw AgentIDError(error.code, name: error.name, message: error.message, at: "name") }
        let key = try Agent.newKey()
        let held = try derive(state, to: key.publicKey, agent: child.description, request).held
        let lineage = state.lineage.adding(
            grant: held.grant.id, key: key.thumbprint, agent: child.description)
        let term = Term(source: .parent(self, request), lifetime: request.lifetime, until: request.until)
        let agent = Agent(
            State(held: held, key: key, lineage: lineage, term: home == nil ? nil : term), clock: clock, home: home)
        if let lifecycle = home?.lifecycle {
            try lifecycle.leases.begin(for: lifecycle)
            try lifecycle.register(child.description, under: parent.description, held: held, lineage: lineage)
            lifecycle.leases.keep(agent, id: child.description, for: lifecycle)
            guard snapshot != nil else {
                // Parked or ended in between: what it is parked with is sealed.
                try agent.end(reason: "the agent that started it was closed meanwhile")
                throw Agent.closed
            }
        }
        return agent
    }

    /// Delegates to a key held elsewhere, offline, and returns the longer chain.
    public func delegate(to holder: PublicKey, _ request: DelegationRequest) throws(AgentIDError)
        -> String
    {
        let state = try current()
        guard !request.isIsolated else { throw Agent.unisolable }
        guard holder != state.key.publicKey else {
            throw AgentIDError(.argument, name: "own_key", message: "the holder's key is the agent's own", at: "holder")
        }
        if let agent = request.agent {
            do throws(AgentIDError) { _ = try SPIFFEID(agent) } catch {
                throw AgentIDError(error.code, name: error.name, message: error.message, at: "options.agent")
            }
        }
        let signed = try derive(state, to: holder, agent: request.agent, request)
        if let lifecycle = home?.lifecycle {
            try lifecycle.recordDelegation(by: id(), state.lineage, grant: signed.grant.id, to: holder)
        }
        return String(decoding: signed.chain, as: UTF8.self)
    }

    /// Signs a grant below its own; one that asks for more than it has is a sign that the policy may count.
    private func derive(
        _ state: State, to holder: PublicKey, agent: String?, _ request: DelegationRequest
    ) throws(AgentIDError) -> SignedGrant {
        let labelled = try labelled(request, in: state)
        do throws(AgentIDError) {
            return try state.held.derive(to: holder, agent: agent, labelled, by: state.key, clock: clock)
        } catch {
            if error.name == "empty_intersection" || error.name == "not_below_parent" {
                home?.guardian.noteWidening(under: state.held.chain, error.message)
            }
            throw error
        }
    }

    /// Asks the authority's own guard, in this process: holding the agent is the proof.
    public func check(tool: String, arguments: [UInt8]) throws(AgentIDError) -> Decision {
        if let front, let begun = front.begin(), let decision = front.decide(begun, tool: tool, arguments: arguments) {
            follow(decision)
            return decision
        }
        guard let guardian else { throw Agent.homeless }
        return try guardian.with { guardian in
            Result { () throws(AgentIDError) in try guardian.check(self, tool: tool, arguments: arguments) }
        }.get()
    }

    /// Replaces the key, and wipes the old one here.
    ///
    /// By itself, a same-scope grant is derived to the new key (AAT section 6.2, handoff), which costs one level of depth.
    /// The old key is not revoked: whoever has a copy of it can go on under the chain that it held, and what it delegated
    /// stays good, until those grants expire. Where the old key may be in other hands, revoke it: the authority, which must
    /// be in this process, then grants the same anew, with the same end and labels, under its profile's ceiling of now; every
    /// key and grant that this agent held until then is revoked, with all that was delegated and spawned under them.
    ///
    /// - Parameter revokingOldKey: whether to revoke. Calls that are on their way with the old key are then denied.
    /// - Throws: `no_authority` without one in this process, `sub_agent` for an agent that another one started: end that
    ///   and spawn it anew. Where it throws, the agent keeps its key, and nothing was revoked.
    public func rotateKey(revokingOldKey: Bool = false) throws(AgentIDError) {
        try turn.withLock { _ throws(AgentIDError) in
            let (key, id, before) = (try Agent.newKey(), try id(), try current())
            if revokingOldKey {
                guard let lifecycle = home?.lifecycle else { throw Agent.homeless }
                let after = try lifecycle.grantAnew(to: key, id: id, in: before)
                return try replace(with: after)
            }
            // With what its own grant says of guards: a root that is granted anew is made after this one.
            let request = DelegationRequest.sameScope(
                labels: labelsKept(in: before), audiences: before.held.grant.audiences ?? [],
                isolated: before.held.grant.claim?.isIsolated ?? false)
            let held = try before.held.derive(
                to: key.publicKey, agent: before.held.grant.claim?.agent, request, by: before.key, clock: clock
            ).held
            var after = State(held: held, key: key, term: before.term)
            after.lineage = before.lineage.adding(grant: held.grant.id, key: key.thumbprint, agent: id)
            if let lifecycle = home?.lifecycle {
                after.credential = try lifecycle.rotate(
                    id, to: key.publicKey, held: held, lineage: after.lineage, isCredentialed: before.credential != nil)
            }
            try replace(with: after)
        }
    }

    /// Parks the agent: its run waits, for hours perhaps. Whoever has the authority open takes it up again, in this process or
    /// another, by `Authority.unpark(agent:)`.
    ///
    /// All below it that this process holds are parked with it, in one transaction. Meanwhile they are denied by every guard
    /// that follows the authority's registry (`parked`), their keys and what they go on with are sealed under the authority,
    /// and they need no lease; what the broker holds for them is returned. Their handles let go of them, and end nothing any
    /// more. An agent below it that another process holds, or nobody, stays as it is: it is denied as long as this one is
    /// parked.
    ///
    /// - Parameter seconds: for how long at most, 1 to 30 days (2,592,000), and not beyond `until`. From then on it cannot be
    ///   taken up, and whoever reaps ends it. 0, where it was parked before: for what is left of that time, as if nobody had
    ///   taken it up.
    /// - Throws: `parking_over` with 0 where that time is over, `sub_agent` for an agent that another one started,
    ///   `parked_together` for more than 1,000 agents,
    ///   `live_children` as long as agents below it start without pause, `no_authority` without one in this process; where it
    ///   has ended, is suspended, lapsed or revoked. Where it throws, all go on.
    public func park(for seconds: Int64) throws(AgentIDError) {
        guard let lifecycle = home?.lifecycle else { throw Agent.homeless }
        let id = try id()
        try lifecycle.park(self, id, for: seconds)
        try? lifecycle.broker.release(below: id, within: 5000)
    }

    /// It is parked: this handle is its owner no more.
    func leave() {
        hasLeft.store(true, ordering: .releasing)
        close()
    }

    /// Takes one of the agents that this one had started and that were parked with it, each once; `nil` if none is left.
    ///
    /// It has its ID, key, labels and scope of before, and is asked for those that it had started itself. As long as nobody
    /// takes it, this agent keeps it: its lease and grant are renewed, and closing or ending this one lets go of it.
    public func takeUnparked() throws(AgentIDError) -> Agent? {
        _ = try current()
        return unparked.withLock { $0.isEmpty ? nil : $0.removeFirst() }.map { child in
            child.belong(to: self)
            return child
        }
    }

    /// Keeps a child until somebody takes it up: the child does not hold this one meanwhile.
    func keep(unparked child: Agent) { unparked.withLock { $0.append(child) } }

    private func belong(to parent: Agent) {
        state.withLock { state in
            if let request = state?.term?.source.parent?.request { state?.term?.source = .parent(parent, request) }
        }
    }

    private func replace(with after: State) throws(AgentIDError) {
        try state.withLock { state throws(AgentIDError) in
            guard state != nil else { throw Agent.closed }
            state = after
            front?.keep(nil)
        }
    }

    /// Calls `body` with the private key as a JWK in memory that is wiped afterwards.
    public func withExportedKey<Result>(_ body: (Span<UInt8>) -> Result) throws(AgentIDError) -> Result {
        let key = try current().key
        do throws(JOSEError) { return try key.withExportedJWK(body) } catch { throw AgentIDError(error, at: "") }
    }

    /// Lets go of the agent: its key is wiped here, and its lease is renewed no more. Nothing is written, nothing waited for.
    public func close() {
        wipe()
        if let home, let name { home.lifecycle.leases.forget(name, heldAs: self) }
    }

    /// Ends the agent and all below it, for good; harmless where it has ended or was closed.
    ///
    /// - Returns: its tombstone; `nil` where it could not be signed now: `Authority.reap()` makes up for it; and for an agent
    ///   that was parked by this handle, which ends nothing any more: end it by its ID.
    /// - Throws: where the end could not be made durable: the agent is denied in this process all the same, and its end is
    ///   tried again in the background.
    @discardableResult public func end(reason: String = "") throws(AgentIDError) -> String? {
        guard let home, let name else { throw Agent.homeless }
        try AuditBounds.check(reason: reason)
        guard !isParked else { return nil }
        defer { markEnded() }
        return try home.lifecycle.deprovision(name, reason: reason)
    }

    /// Ends the agent where its authority is in this process, and lets go of it where not.
    package func conclude(reason: String) throws(AgentIDError) {
        if home == nil { close() } else { try end(reason: reason) }
    }

    /// Deprovisioned by its authority: from now on it is denied, whoever is asked.
    func markEnded() {
        isEnded.store(true, ordering: .releasing)
        wipe()
    }

    package var isParked: Bool { hasLeft.load(ordering: .acquiring) }

    var hasEnded: Bool { isEnded.load(ordering: .acquiring) }

    /// Lets go of the key, whose memory is wiped when the last call that uses it returns.
    private func wipe() {
        state.withLock {
            $0 = nil
            front?.keep(nil)
        }
        let kept = unparked.withLock { unparked in
            defer { unparked = [] }
            return unparked
        }
        for child in kept { child.close() }
    }

    /// The agent's present state; `nil` if it was closed.
    var snapshot: State? { state.withLock { $0 } }

    /// Takes a grant that was made anew, unless its grant or key were replaced since `before`.
    func take(_ after: State, insteadOf before: State) {
        state.withLock { state in
            guard var now = state, now.key.publicKey == before.key.publicKey,
                now.held.grant.id.isSame(as: before.held.grant.id)
            else { return }
            (now.held, now.lineage) = (after.held, after.lineage)
            state = now
            front?.keep(nil)
        }
    }

    /// Takes a new credential, unless the key was replaced since it was asked for.
    func take(_ credential: HeldCredential) {
        state.withLock { state in
            if state?.key.publicKey == credential.key { state?.credential = credential }
        }
    }

    func current() throws(AgentIDError) -> State {
        guard let state = state.withLock({ $0 }) else { throw Agent.closed }
        return state
    }

    /// Whether its grant is to be made anew, with fewer labels.
    var hasFewerLabels: Bool { isDeclassified.load(ordering: .acquiring) }
    func noteFewerLabels(_ has: Bool) { isDeclassified.store(has, ordering: .releasing) }

    static let unisolable = AgentIDError(
        .argument, name: "isolated",
        message: "only an agent that the registry has is isolated: spawn it, in a process of the authority",
        at: "options.isolated")
    package static let homeless = AgentIDError(
        .state, name: "no_authority", message: "the agent has no authority in this process: ask a guard")
    static let closed = AgentIDError(.state, name: "agent_closed", message: "the agent was closed")

    static func newKey() throws(AgentIDError) -> SigningKey {
        do throws(JOSEError) { return try SigningKey.generate() } catch { throw AgentIDError(error, at: "") }
    }
}
