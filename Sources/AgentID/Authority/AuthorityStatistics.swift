public import StrictJSON

/// The state of an authority in numbers, `docs/schemas/statistics.json`: what of it grows, waits or runs out.
///
/// No name of an agent, tool or principal is in it: there is no end to those, and the audit log has them. No latencies
/// either: a clock read twice would be a tenth of a decision.
struct AuthorityStatistics {
    let registry: any Registry
    let directory: AuthorityDirectory?
    /// In milliseconds since 1970.
    let now: Int64

    /// - Parameter guardian: The counters of a guard of this process.
    func tree(with guardian: JSONTree? = nil) throws(AgentIDError) -> JSONTree {
        let now = now
        var members: JSONTree.Members = try registry.readAside { registry in
            let (meta, agents) = (try registry.meta(), try registry.agentCounts(at: now))
            let secrets = try registry.brokerLeases(of: nil, limit: Self.mostSecrets)
            let members: JSONTree.Members = [
                "trust_domain": .string(meta.trustDomain), "policy_version": .int(Int(meta.policyVersion)),
                "revocations": .int(Int(try registry.revocationCount())), "agents": Self.tree(of: agents),
                "hooks": .array(try registry.hooks().map { hook in try Self.tree(of: hook, in: registry) }),
                "secrets": [
                    "held": .int(secrets.count), "releasing": .int(secrets.count { $0.state == .releasing }),
                ],
            ]
            return members
        }
        members["time_ms"] = .int(Int(now))
        members["audit"] = audit ?? .null
        members["replay"] = replay ?? .null
        members["meters"] = meters ?? .null
        members["guard"] = guardian ?? .null
        return .object(members)
    }

    /// More are counted as so many.
    private static let mostSecrets = 10_000

    private static func tree(of agents: AgentCounts) -> JSONTree {
        [
            "active": .int(agents.active), "lapsing_soon": .int(agents.lapsingSoon), "lapsed": .int(agents.lapsed),
            "denied": .int(agents.denied), "suspended": .int(agents.suspended), "parked": .int(agents.parked),
            "ended": .int(agents.ended),
        ]
    }

    private static func tree(of hook: HookRecord, in registry: any RegistryReader) throws(AgentIDError) -> JSONTree {
        let counts = try registry.deliveryCounts(of: hook.name)
        return ["name": .string(hook.name), "waiting": .int(counts.pending), "dead": .int(counts.dead)]
    }

    /// The length of the log, and the lines that wait to be integrated; `nil` where there is none, or it cannot be read.
    private var audit: JSONTree? {
        guard let directory, let reader = try? AuditReader(authority: directory.path),
            let end = try? reader.verifyEnd()
        else { return nil }
        return [
            "entries": .int(Int(clamping: reader.count)), "waiting": .int(end.pending),
            "waiting_since_ms": end.pendingSince.map { .int(Int($0)) } ?? .null,
        ]
    }

    /// The fill of the guards' memory of used proofs is; `nil` where there is none yet.
    private var replay: JSONTree? {
        guard let path = directory?.replayPath, Files.exists(path),
            let table = try? ReplayTable(path: path, capacity: Guard.Options().replayCapacity, window: 30)
        else { return nil }
        let used = table.statistics()
        return [
            "remembered": .int(used.remembered), "slots": .int(used.slots), "slots_at_most": .int(used.mostSlots),
        ]
    }

    /// The meters of the policy's rates and labels that are in use; `nil` where there are none yet.
    private var meters: JSONTree? {
        guard let path = directory?.metersPath, let used = try? MetersFile.fill(path) else { return nil }
        return ["used": .int(used.claimed), "slots": .int(used.slots)]
    }
}

extension Authority {
    /// The state of this authority in numbers: `docs/schemas/statistics.json`. `guard` has the decisions that its agents' own
    /// handles asked for in this process; each guard has its own, ``Guard/statistics()``.
    ///
    /// Reads the registry and the end of the audit log: for a look now and then, not for each call.
    public func statistics() throws(AgentIDError) -> JSONTree {
        try keys.checkOpen()
        let statistics = AuthorityStatistics(registry: registry, directory: directory, now: clock.milliseconds)
        return try statistics.tree(with: home.statistics())
    }
}

extension RegistryInspection {
    /// The directory's state in numbers, without the counters of any process.
    package func statistics() throws(AgentIDError) -> JSONTree {
        try AuthorityStatistics(registry: registry, directory: directory, now: SystemClock().milliseconds).tree()
    }
}
