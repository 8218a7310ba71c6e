public import StrictJSON

// Calls of agents in this process, of which holding them is the proof.
extension Guard {
    /// Decides one call of an agent in this process: holding it is the proof.
    public func check(_ agent: Agent, tool: String, arguments: [UInt8]) throws(AgentIDError) -> Decision {
        let isGone = agent.hasEnded || agent.isParked
        let isHome = agent.guardian?.isSame(as: self) ?? false
        let known = isGone || !isHome ? nil : agent.front?.verified
        let chain = isGone || known != nil ? nil : try agent.chainBytes()
        // What a proof would carry; a guard of its authority reads the directory's itself.
        let labels = isGone ? [] : isHome ? agent.notes : try agent.labels()
        let decision = decision(on: tool, arguments, proof: nil, carrying: labels) { now throws(Denial) in
            if let known { return known }
            guard let chain else {
                throw agent.hasEnded
                    ? Denial("authority_revoked", "the agent has ended") : Denial("parked", "the agent is parked")
            }
            guard isHome else { return try verify(chain, credentials: [], now: now) }
            return try verifyAnew(chain, of: agent, now: now)
        }
        if isHome { agent.follow(decision) }
        return decision
    }

    /// Verifies an agent's chain, and has the agent keep it: nothing of others pushes it out there, and it pushes out nothing
    /// of others here.
    func verifyAnew(_ chain: [UInt8], of agent: Agent, now: Int64) throws(Denial) -> VerifiedChain {
        let verified = try verifyAnew(chain, now: now)
        verified.take(scopes.withLock { $0.compiled(verified.scope) })
        agent.keep(verified)
        return verified
    }

    /// Permits one call of an agent in this process, or throws: holding it is the proof.
    @discardableResult
    public func authorize(_ agent: Agent, tool: String, arguments: [UInt8]) throws(NotPermitted) -> Permit {
        try decided { () throws(AgentIDError) in try check(agent, tool: tool, arguments: arguments) }
    }

    /// Denies a call that cannot be read, of an agent in this process.
    package func refuse(_ fault: CallFault, tool: String, agent: Agent) throws(AgentIDError) -> Decision {
        refuse(fault, tool: tool, chain: agent.hasEnded || agent.isParked ? [] : try agent.chainBytes())
    }
}

extension Agent {
    /// Permits one call of this agent by the authority's own guard, or throws: holding the agent is the proof.
    ///
    /// - Parameters:
    ///   - tool: the tool, byte for byte as its scope names it.
    ///   - arguments: an object, e.g. `["path": "/data/a.csv"]`.
    @discardableResult
    public func authorize(tool: String, arguments: JSONTree) throws(NotPermitted) -> Permit {
        try authorize(tool: tool, arguments: arguments.canonical())
    }

    /// Permits one call of this agent by the authority's own guard, or throws.
    @discardableResult
    public func authorize(tool: String, arguments: [UInt8]) throws(NotPermitted) -> Permit {
        try decided { () throws(AgentIDError) in try check(tool: tool, arguments: arguments) }
    }
}

extension Agent {
    /// Permits one call of this agent by the authority's own guard, and begins it; or throws: see ``Call``.
    ///
    /// - Parameters:
    ///   - tool: The tool, byte for byte as its scope names it.
    ///   - arguments: An object, e.g. `["usd": "12.50"]`.
    ///   - seconds: Within which the call ends, 1 to 2,592,000: from then on what it reserved counts as spent.
    public func begin(
        tool: String, arguments: JSONTree, within seconds: Int64 = Call.lapse
    ) throws(NotPermitted) -> Call {
        try begin(tool: tool, arguments: arguments.canonical(), within: seconds)
    }

    /// Permits one call of this agent by the authority's own guard, and begins it; or throws.
    public func begin(
        tool: String, arguments: [UInt8], within seconds: Int64 = Call.lapse
    ) throws(NotPermitted) -> Call {
        guard let guardian = homeGuard else { throw .failed(Agent.homeless) }
        // Else it would be decided for nothing.
        do throws(AgentIDError) { try Call.checked(seconds) } catch { throw .failed(error) }
        return try guardian.begin(authorize(tool: tool, arguments: arguments), within: seconds)
    }

    /// The guard of the agent's authority in this process.
    package var homeGuard: Guard? { home?.guardian }

    /// The rest of what the policy's rates and budgets let the agent do, and the labels that its task has:
    /// `docs/schemas/remaining.json`. Nothing is taken; others may take meanwhile.
    ///
    /// - Parameter tool: Only of rules about this tool; `nil`: about any tool of its scope.
    public func remaining(tool: String? = nil) throws(AgentIDError) -> JSONTree {
        guard let guardian = homeGuard else { throw Agent.homeless }
        return try guardian.remaining(under: chainBytes(), of: tool)
    }

    /// Makes one call of this agent, or throws: `body` is the tool. The outcome is recorded, and budgets are settled: as
    /// failed where `body` throws.
    ///
    ///     let receipt = try agent.withCall(tool: "pay", arguments: ["usd": "12.50"]) { call in
    ///         let receipt = try bank.pay("12.50")
    ///         try call.cost(receipt.total, in: "usd")
    ///         return receipt
    ///     }
    public func withCall<Result>(
        tool: String, arguments: JSONTree, _ body: (Call) throws -> Result
    ) throws -> Result {
        try begin(tool: tool, arguments: arguments).run(body)
    }
}

extension Agent {
    /// Denies a call of this agent that cannot be read, as its authority's guard.
    package func refuse(_ fault: CallFault, tool: String) throws(AgentIDError) -> Decision {
        guard let home else { throw Agent.homeless }
        return try home.guardian.refuse(fault, tool: tool, agent: self)
    }
}

private func decided(_ check: () throws(AgentIDError) -> Decision) throws(NotPermitted) -> Permit {
    let decision: Decision
    do throws(AgentIDError) { decision = try check() } catch { throw .failed(error) }
    return try decision.permitted()
}

extension Agent {
    /// Whether its authority's clock may date what lasts: see ``ClockWatch/isSettled(at:)``.
    var isClockSettled: Bool {
        guard let home, let now = try? clock.now() else { return true }
        return home.guardian.watch.isSettled(at: now)
    }

    /// Takes note of a decision of its own guard. If its grant is over, or dated ahead, and one is due, that is made now: a
    /// clock that was set, or a machine that slept, kept it from being made in time.
    package func follow(_ decision: Decision) {
        guard let reason = decision.denial?.reason,
            reason.rawValue.isSame(as: "expired") || reason.rawValue.isSame(as: "not_yet_valid"),
            let home, let state = snapshot, state.isGrantDue(at: decision.time)
        else { return }
        home.lifecycle.leases.hasten()
    }
}
