internal import Scopes
internal import StrictJSON
internal import Synchronization

// The path of a decision. Times in milliseconds since 1970.
extension Guard {
    /// Runs the checks of one call, makes their answer a decision, writes it down and counts it.
    ///
    /// - Parameters:
    ///   - fault: Denies the call whatever the checks would say: only its chain is looked for.
    ///   - labels: Those that the holder is known to have beyond its grant, where there is no proof to carry them.
    ///   - chain: Finds the call's chain.
    func decision(
        on tool: String, _ arguments: [UInt8], proof: [UInt8]?, fault: Denial? = nil,
        carrying labels: [String] = [], _ chain: (Int64) throws(Denial) -> VerifiedChain
    ) -> Decision {
        // Before the wall clock: a call that is held up after it must not outlast the memory of its proof.
        let begun = proof == nil ? 0 : MonotonicClock.milliseconds
        var decision = Decision(tool: tool, time: 0)
        var taken = TakenByDecision()
        // Not yet read; `.some(nil)` once they were and are none.
        var call: JSON.Value??
        do throws(Denial) {
            let now = try begin()
            decision.time = now
            let chain = try chain(now)
            try checkKnown(chain, now: now)
            decision.chain = chain
            if let fault { throw fault }
            try decide(
                &decision, chain, proof: proof, labels, arguments: arguments, call: &call, now: now, since: begun,
                taking: &taken)
        } catch {
            decision.denial = fault ?? error
            giveBack(&taken, of: &decision)
        }
        if decision.denial != nil, fault == nil {
            stopAgent(of: &decision, proof: proof, call: call.flatMap { $0 }, since: begun)
        }
        // Denied as it is; its entry has the machine's time.
        if decision.time == 0 { decision.time = clock.milliseconds }
        if let trail, let auditMark {
            do throws(Denial) {
                // What was denied before its arguments were read is recorded with their names all the same.
                try trail.record(
                    &decision,
                    arguments: {
                        switch call {
                        case .some(let read): read
                        case nil: Self.read(arguments)
                        }
                    }, by: auditMark, sequence: view?.sequence ?? 0)
            } catch {
                decision.denial = decision.denial ?? error
                giveBack(&taken, of: &decision)
            }
        }
        if decision.denial == nil { taken.enforcement?.confirm() }
        count(decision)
        return decision
    }

    /// Begins a decision: the clock can be relied on, and the view is up to date. Returns the time.
    func begin() throws(Denial) -> Int64 {
        let now: Int64
        do throws(AgentIDError) { now = try clock.now() } catch { throw Denial(error.name, error.message, at: "clock") }
        if let gone = watch.wentBack(to: now) {
            throw Denial(
                "clock_went_back",
                "the clock went back by \(gone / 1000) s: decisions go on when it is right again, and where it was set right, "
                    + "when it tells times that this guard has not decided at")
        }
        try refreshView(now: now)
        return now
    }

    /// The verified chain, from the cache or by verifying all of it.
    ///
    /// - Parameter chain: Grants joined by `~`, or a reference to such as were verified here.
    /// - Parameter shownUnder: The anchors that the credentials were verified under, whose generation it carries.
    func verify(
        _ chain: [UInt8], credentials: [Credential], shownUnder: TrustAnchors? = nil, now: Int64
    ) throws(Denial) -> VerifiedChain {
        let key = ChainCache.key(of: chain)
        if let key, let found = cache.withLock({ $0.find(key, chain) }) { return found }
        if ChainReference.isMeant(by: chain) { return try chainReferred(to: chain) }
        let verified = try verifyAnew(chain, credentials: credentials, shownUnder: shownUnder, now: now)
        // A chain that needed a credential is admitted by handle only: the credential may end before the chain does.
        if let key, credentials.isEmpty { cache.withLock { $0.insert(verified, key) } }
        return verified
    }

    /// The verified chain, whoever keeps it; parameters as for ``verify(_:credentials:shownUnder:now:)``.
    func verifyAnew(
        _ chain: [UInt8], credentials: [Credential] = [], shownUnder: TrustAnchors? = nil, now: Int64
    ) throws(Denial) -> VerifiedChain {
        let verifier = ChainVerifier(
            anchors: shownUnder ?? anchors.withLock { $0 }, limits: options.limits,
            requiresClaim: options.requiresClaim,
            audience: ChainAudience(
                name: options.audience, isRequired: options.requiresChainAudience, isJudged: options.judgesChainAudience
            ),
            home: view?.trustDomain, now: now / 1000)
        let verified = try verifier.verify(chain, credentials: credentials)
        // What every entry of the audit log repeats must fit one.
        guard AuditContext.fits(verified.links, verified.issuer) else {
            throw Denial(
                "chain_too_long", "its agents, grants and task take more than \(AuditBounds.context) bytes of an entry",
                link: verified.links.count - 1)
        }
        return verified
    }

    /// The chain of a reference, where it was verified here before: what it is good for is judged as if it had come whole.
    private func chainReferred(to reference: [UInt8]) throws(Denial) -> VerifiedChain {
        try ChainReference.check(reference)
        guard let found = cache.withLock({ $0.find(reference: reference) }) else {
            throw Denial(
                "chain_unknown", "this guard does not remember a chain of this reference: send the whole chain once",
                at: "chain")
        }
        return found
    }

    /// Gives back all that a call took before it was denied, whatever denied it: rates, budgets and approvals.
    private func giveBack(_ taken: inout TakenByDecision, of decision: inout Decision) {
        taken.atOnce?.with { $0.rules.giveBackAll(since: decision.time, by: clock) }
        taken.enforcement?.giveBack(to: desk, now: decision.time)
        decision.spending = nil
        taken = TakenByDecision()
    }

    /// Everything that is checked anew at each call. `proof` is `nil` where holding the agent is the proof.
    func decide(
        _ decision: inout Decision, _ chain: VerifiedChain, proof: [UInt8]?, _ labels: [String], arguments: [UInt8],
        call parsed: inout JSON.Value??, now: Int64, since begun: Int64, taking taken: inout TakenByDecision
    ) throws(Denial) {
        let tool = decision.tool
        guard tool.utf8.count <= AuditBounds.tool else {
            throw Denial(
                "tool_not_authorized",
                "the tool's name has \(tool.utf8.count) bytes: no grant has one of more than \(AuditBounds.tool)",
                link: chain.links.count - 1, call: "tool", argument: nil)
        }
        try checkLive(chain, now: now)
        var opened: OpenedProof?
        if let proof {  // step 7, without what needs the arguments
            opened = try proofVerifier(at: now).open(proof, of: tool, under: chain)
        }
        var work = WorkBudget(steps: Limits.stepsOfCall)
        let call: JSON.Value
        parsed = .some(nil)
        do throws(JSON.ParseError) {
            call = try JSON(parsing: arguments, limits: ScopeLimits.arguments, within: &work).root
        } catch {
            guard !error.isTooCostly else {
                throw Denial("too_costly", "\(error): send fewer, or one text in their place", at: "arguments")
            }
            let what = arguments.isEmpty ? "missing: a call without any has {}" : "not I-JSON: \(error)"
            throw Denial("arguments_malformed", "the arguments are \(what)", at: "arguments")
        }
        guard call.kind == .object else {
            throw Denial("arguments_malformed", "the arguments are not an object", at: "arguments")
        }
        parsed = call
        if following?.with({ $0.givesSecrets.load(ordering: .relaxed) }) == true {
            decision.call = PermittedCall(call, by: permitSource)
        }
        if let refusal = chain.refusal(of: tool, arguments: call, within: &work) {  // step 6b
            throw Denial(refusal, tool: tool, link: chain.links.count - 1)
        }
        if let opened {
            try opened.check(call, within: &work)
            if options.requiresNonce {  // step 7h, and what the draft leaves out: a nonce is good once
                try checkNonce(opened.nonce, now: now)
                let use = UsedProof(name: "nonce " + (opened.nonce?.string ?? ""), tree: chain.tree)
                if let denial = Denial(proofs.remember(use, since: begun), of: "nonce", at: "proof.nonce") {
                    throw denial
                }
            }
            if let denial = Denial(proofs.remember(opened.use, since: begun)) { throw denial }
        }
        if chain.isLimited || following?.with({ $0.policyVersion }) ?? 0 != 0 {
            try enforcePolicy(
                on: &decision, under: chain, call: call, labels: opened?.labels ?? labels, now: now, within: &work,
                taking: &taken)
        } else {
            try lookOnceMore(chain, now: now)
        }
    }

    /// Nothing is permitted after a revocation or a suspension returned.
    func lookOnceMore(_ chain: VerifiedChain, now: Int64) throws(Denial) {
        if following?.with({ $0.hasMoved }) == true { try refreshView(now: now) }
        // Also where another thread has read the news meanwhile.
        try checkStanding(chain, now: now)
        try checkRevocations(chain)
        try checkAnchors(chain, now: now)
    }

    /// The arguments of a call that was denied without them; `nil` where they are none, or cost too much to read.
    private static func read(_ arguments: [UInt8]) -> JSON.Value? {
        var work = WorkBudget(steps: Limits.stepsOfCall)
        return try? JSON(parsing: arguments, limits: ScopeLimits.arguments, within: &work).root
    }

    func count(_ decision: Decision) {
        if let denial = decision.denial {
            counters.withLock { $0.add(denial.reason) }
            onDenial?(decision)
        } else {
            permits.count()
        }
    }

    func proofVerifier(at now: Int64) -> ProofVerifier {
        ProofVerifier(
            audience: options.audience, requiresAudience: !options.acceptsProofsWithoutAudience,
            window: options.proofWindow, now: now / 1000)
    }
}

/// Whatever a decision took of the policy's meters before it was answered.
struct TakenByDecision: ~Copyable {
    /// The plan whose rates all were taken from, at once.
    var atOnce: Borrowed<ToolPlan>?
    /// The rules, where they were asked one by one.
    var enforcement: PolicyEnforcement?

    init() {
        atOnce = nil
        enforcement = nil
    }
}
