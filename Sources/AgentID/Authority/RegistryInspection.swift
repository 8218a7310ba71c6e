package import Scopes
internal import StrictJSON

/// The public state of an authority's directory, read without changing anything, for its operator.
package struct RegistryInspection: Sendable {
    let registry: SQLiteRegistry
    let directory: AuthorityDirectory
    package let trustDomain: String
    package let keys: [KeyRecord]
    /// The profiles that were not withdrawn.
    package let profiles: [Profile]
    /// The profiles that cannot be read.
    package let damagedProfiles: [DamagedProfile]

    /// The largest number of objects of one kind that are listed.
    package static let most = 1000

    /// Reads the state of a directory.
    package init(of path: String) throws(AgentIDError) {
        directory = try AuthorityDirectory(reading: path)
        registry = try directory.openRegistry(.read)
        (trustDomain, keys, profiles, damagedProfiles) = try registry.read { registry in
            let profiles = try registry.profiles().map(\.profile).filter { profile in
                try registry.firstRevoked(of: [Revocation(unchecked: .profile, profile.name)]) == nil
            }
            return (
                try registry.meta().trustDomain, try registry.keys(), profiles, try registry.damagedProfiles()
            )
        }
    }

    /// Throws if a file of `keys/` does not hold what it should. Opens no sealed key.
    package static func checkSecret(_ path: String) throws(AgentIDError) {
        let name = Files.split(path).name
        guard !name.isSame(as: "digest") else { return try AuthorityDirectory.checkDigestKey(path) }
        guard let key = try KeyFile.inspect(path) else { return }
        guard ["log.jwk", "parking.jwk", "\(key.thumbprint).jwk"].contains(where: { name.isSame(as: $0) }) else {
            throw AgentIDError(
                .malformed, name: "key_file", message: "the file holds another key, \(key.thumbprint)", at: path)
        }
    }

    /// Reads every page of the registry.
    package func checkIntegrity() throws(AgentIDError) { try registry.checkIntegrity() }

    /// Throws if journal or audit log are older than the registry, or belong to another: opening would be refused.
    package func checkTogether() throws(AgentIDError) {
        let known = (journal: registry.reached(.journal), log: registry.reached(.log))
        var journal = JournalReader(directory.journal)
        _ = try journal.advance()
        let meta = try registry.read { try $0.meta() }
        if let breach = try journal.forget(folded: meta.journal, known: known.journal) { throw breach }
        try LogWitness(in: directory).checkLog(meta, known: known.log)
    }

    /// Throws if a key of the audit log is missing in `keys/`, or is another than signed it.
    package func checkLogKeys() throws(AgentIDError) {
        let witness = LogWitness(in: directory)
        guard witness.hasBegun else { return }
        for path in [directory.digestKeyPath, directory.logKeyPath] where try !Files.isPresent(path) {
            throw AuthorityDirectory.lostKey(path)
        }
        // A file that is damaged is told as such.
        if case .some(.some(let key)) = try? KeyFile.inspect(directory.logKeyPath) { try witness.check(key) }
    }

    /// Throws if agents are parked and the key is missing that seals theirs.
    package func checkParkingKey() throws(AgentIDError) {
        guard try !Files.isPresent(directory.parkingKeyPath) else { return }
        try Lifecycle.checkNoneParked(registry)
    }

    /// Throws if the log's checkpoint was put back: whoever integrates signs the newest again.
    package func checkCheckpoint() throws(AgentIDError) {
        let known = registry.reached(.log)
        try LogWitness(in: directory).checkHead(try registry.read { try $0.meta() }, known: known)
    }

    /// Lapsed leases of agents that nobody ended; `time` in milliseconds.
    ///
    /// Judged by both clocks, as `reap` does.
    package func leases(
        lapsedBy time: Int64, _ steady: SteadyClock = .machine
    ) throws(AgentIDError) -> [LeaseRecord] {
        // The lease's length is not stored: uses the default.
        let time = LeaseTime(wall: time, steady: steady.now, leaseDuration: 300)
        return try registry.read { try $0.leases(overBy: time, after: nil, limit: Self.most) }
    }

    /// Agents that ended and have no tombstone.
    package func agentsWithoutTombstone() throws(AgentIDError) -> [AgentRecord] {
        try registry.read { try $0.agentsWithoutTombstone(limit: Self.most) }
    }

    /// The condition of a hook.
    package struct HookCondition: Sendable {
        package let hook: HookRecord
        /// The number of deliveries that are not tried again.
        package let dead: Int
        /// The waiting delivery with the most attempts.
        package let worst: DeliveryRecord?
        /// The error of the last attempt.
        package let error: String?
    }

    package func hooks() throws(AgentIDError) -> [HookCondition] {
        try registry.read { registry in
            try registry.hooks().map { hook in
                let waiting = try registry.deliveries(.pending, hook: hook.name, limit: Self.most)
                let worst = waiting.max { $0.attempts < $1.attempts }
                let dead = try registry.deliveries(.dead, hook: hook.name, limit: Self.most).last
                return HookCondition(
                    hook: hook, dead: try registry.deliveryCounts(of: hook.name).dead, worst: worst,
                    error: worst?.error ?? dead?.error)
            }
        }
    }

    /// Secrets whose return was started and is not done.
    package func leasesBeingReleased() throws(AgentIDError) -> [BrokerLeaseRecord] {
        try registry.read { try $0.brokerLeases(of: nil, limit: Self.most) }.filter { $0.state == .releasing }
    }

    /// The agent that was started or renewed last, of those that have not ended, and when, in milliseconds.
    package func newest() throws(AgentIDError) -> (agent: String, time: Int64)? {
        try registry.read { registry in
            var newest: (agent: String, time: Int64)?
            func look(_ agent: String, _ time: Int64) {
                if newest.map({ time > $0.time }) ?? true { newest = (agent, time) }
            }
            for lease in try registry.leases(lapsedBy: .max, limit: .max) { look(lease.agent, lease.renewed) }
            var filter = AgentFilter()
            filter.limit = 10_000
            while true {
                let agents = try registry.agents(filter)
                for agent in agents where agent.state != .deprovisioned {
                    let (created, isTooLarge) = agent.created.multipliedReportingOverflow(by: 1000)
                    look(agent.id, isTooLarge ? .max : created)
                }
                guard agents.count == filter.limit else { return newest }
                filter.after = agents.last?.id
            }
        }
    }

    /// The registry's knowledge of a grant in the log.
    package enum Found: Sendable {
        /// The grant is here, with this scope.
        case scope(Scope)
        /// It was derived elsewhere.
        case unknown
        /// Another grant with the same `jti` is here: nothing is known of the one in the log.
        case another
    }

    /// Looks up a grant of the log.
    package func find(_ logged: LoggedGrant) throws(AgentIDError) -> Found {
        guard let grant = try registry.read({ try $0.grant(logged.id) }) else { return .unknown }
        guard logged.isOf(grant) else { return .another }
        return .scope(try HeldGrant(reading: Array(grant.chain.utf8)).scope)
    }

    /// Checks the guards' shared replay memory, if there is one: its beginning and its owner.
    package func checkReplayMemory() throws(AgentIDError) {
        try ReplayFile.check(directory.replayPath, taken: registry.reached(.proofs))
    }
}
