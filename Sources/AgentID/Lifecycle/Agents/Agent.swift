public import JOSE
public import Scopes
internal import StrictJSON
internal import Synchronization

/// One running agent instance: its ID, its key, its chain. Safe to use from any thread.
///
/// `end(reason:)` ends it, ``close()`` only lets go of it. An agent that nobody holds lives on in the
/// registry until its lease lapses; then it is denied, and the next `Authority.reap()` ends it.
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
    /// Whether it was parked: this handle no longer owns it.
    private let hasLeft = Atomic(false)
    /// The end of the parking that it was unparked from, in milliseconds since 1970; 0: of none.
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

    /// Opens an agent whose grant was issued or delegated to `key`. The chain is read, not verified: guards verify it.
    ///
    /// - Throws: `malformed` texts; `holder_key_invalid` if the leaf is bound to another key.
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

    /// The agent's SPIFFE ID, also after it was parked or has ended; its key's thumbprint URI where its grant names none.
    public func id() throws(AgentIDError) -> String {
        if let name { return name }
        return TokenType.thumbprintURI + (try current().key.thumbprint)
    }

    /// The chain: grants from the root to this agent's own, joined by `~`.
    public func chain() throws(AgentIDError) -> String { String(decoding: try current().held.chain, as: UTF8.self) }

    /// The chain's reference, 51 bytes for a guard that has verified the chain before: see ``ChainReference``. Each renewal
    /// makes a new one: send with a proof the reference of the chain that the proof was made under.
    public func chainReference() throws(AgentIDError) -> String {
        ChainReference.text(ofLeaf: try current().held.signingInputHash)
    }

    /// The chain without a copy of the rest of the state, as every call asks for it.
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

    /// The end of the present grant, in seconds since 1970.
    ///
    /// If the authority is in this process, the grant is renewed at half its life while the agent is held: ask again. A chain
    /// that was sent before stays valid until its own end.
    public func expires() throws(AgentIDError) -> Int64 { try current().held.grant.expires }

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

    /// Parks the agent: its run waits, for hours perhaps. Any process that has the authority open resumes it, by
    /// `Authority.unpark(agent:)`.
    ///
    /// All below it that this process holds are parked with it, in one transaction. Meanwhile every guard that follows the
    /// authority denies them (`parked`), their keys and grants are sealed under the authority, they need no lease, and the
    /// broker returns their secrets. Their handles no longer own them and can no longer end them. An agent below it that another
    /// process holds, or nobody, stays as it is: denied while this one is parked.
    ///
    /// - Parameter seconds: The longest time, 1 to 2,592,000 (30 days), and not beyond `until`: after it the agent cannot be
    ///   unparked, and `Authority.reap()` ends it. 0, for one that was unparked: the rest of the time that it was parked for, as
    ///   if nobody had unparked it.
    /// - Throws: `parking_over` with 0 if that time is over, `sub_agent` for an agent that another one started,
    ///   `parked_together` for more than 1,000 agents, `live_children` if agents below it start without pause, `no_authority`
    ///   without the authority in this process; also if it has ended, is suspended, lapsed or revoked. On an error all go on as
    ///   they were.
    public func park(for seconds: Int64) throws(AgentIDError) {
        guard let lifecycle = home?.lifecycle else { throw Agent.homeless }
        let id = try id()
        try lifecycle.park(self, id, for: seconds)
        try? lifecycle.broker.release(below: id, within: 5000)
    }

    /// Lets go of an agent that is parked: this handle no longer owns it.
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

    /// Keeps a child until somebody takes it: the child does not hold this one meanwhile.
    func keep(unparked child: Agent) { unparked.withLock { $0.append(child) } }

    private func belong(to parent: Agent) {
        state.withLock { state in
            if let request = state?.term?.source.parent?.request { state?.term?.source = .parent(parent, request) }
        }
    }

    func replace(with after: State) throws(AgentIDError) {
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

    /// Lets go of the agent: its key is wiped here, and its lease is no longer renewed. Writes nothing and waits for nothing.
    public func close() {
        wipe()
        if let home, let name { home.lifecycle.leases.forget(name, heldAs: self) }
    }

    /// Ends the agent and all below it, for good; harmless where it has ended or was closed.
    ///
    /// - Returns: Its tombstone; `nil` if it could not be signed: `Authority.reap()` signs it later; `nil` also for an agent
    ///   that this handle parked: end that by its ID.
    /// - Throws: If the end could not be made durable: the agent is denied in this process all the same, and its end is
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
    var hasFewerLabels: Bool {
        get { isDeclassified.load(ordering: .acquiring) }
        set { isDeclassified.store(newValue, ordering: .releasing) }
    }

    package static let homeless = AgentIDError(
        .state, name: "no_authority", message: "the agent has no authority in this process: ask a guard")
    static let closed = AgentIDError(
        .state, name: "agent_closed",
        message: "the agent has ended, is parked, or was closed: a parked one is unparked by its ID (unpark)")

    static func newKey() throws(AgentIDError) -> SigningKey {
        do throws(JOSEError) { return try SigningKey.generate() } catch { throw AgentIDError(error, at: "") }
    }
}
