internal import JOSE
internal import StrictJSON

// Keys, profiles, revocations, counters and lines for the log, in memory.
extension MemoryTables {
    func meta() -> RegistryMeta { small.meta }

    func announce() -> Int64 {
        (isAnnounced, isChanged) = (true, true)
        small.meta.sequence += 1
        return small.meta.sequence
    }

    func begin(_ beginning: RegistryBeginning) -> Int {
        (small.meta.epoch, small.meta.writes) = (beginning.epoch, beginning.writes)
        // Bundles are numbered by it: by so much at once that none from after the backup is newer.
        small.meta.sequence += 1_000_000
        (small.meta.journal, small.meta.log) = (beginning.journal, beginning.log)
        small.lastEvent = max(small.lastEvent, beginning.events)
        _ = announce()
        let leased = byLease.names()
        for id in leased {
            guard var agent = row(of: id) else { continue }
            agent.lease?.expires = 0
            agent.lease?.runsUntil = SteadyTime(boot: "", milliseconds: 0)
            agent.lease?.grace = 0
            set(id, agent)
        }
        return leased.count
    }

    func setLog(_ mark: LogMark) {
        small.meta.log = mark
        isChanged = true
    }

    func setFolded(_ mark: JournalMark) {
        small.meta.journal = mark
        isChanged = true
    }

    // MARK: Keys and profiles

    func keys() -> [KeyRecord] { small.keys }

    func replaceKeys(_ keys: [KeyRecord]) throws(AgentIDError) {
        for role in [KeyRecord.Role.active, .next] where keys.count(where: { $0.role == role }) > 1 {
            throw .registryConflict("two keys are \(role.rawValue)")
        }
        guard Set(keys.map(\.key)).count == keys.count else { throw .registryConflict("a key stands there twice") }
        small.keys = keys.inOrder {
            ($0.role.rawValue.exact, $0.key.thumbprint.exact) < ($1.role.rawValue.exact, $1.key.thumbprint.exact)
        }
        small.meta.keysSequence = announce()
    }

    func profiles() -> [ProfileRecord] { small.profiles.inOrder { $0.key < $1.key }.map(\.value) }

    // What was put here is a profile still.
    func damagedProfiles() -> [DamagedProfile] { [] }

    func profile(named name: String) -> ProfileRecord? { small.profiles[name.exact] }

    func put(_ profile: ProfileRecord) throws(AgentIDError) {
        let name = profile.profile.name.exact
        guard small.profiles.count - (small.profiles[name] == nil ? 0 : 1) < 10_000 else { throw .tooManyProfiles }
        small.profiles[name] = profile
        isChanged = true
    }

    // MARK: Revocations

    func revocations(after sequence: Int64, limit: Int) -> [RevocationRecord] {
        revocations.after(sequence, limit: limit)
    }

    func revocationCount() -> Int64 { Int64(revocations.count) }

    func firstRevoked(of candidates: [Revocation]) -> Revocation? { candidates.first { revocations[$0] != nil } }

    func revocationTime(of revocation: Revocation) -> Int64? { revocations[revocation]?.at }

    func add(_ revocations: [Revocation], at time: Int64, reason: String?) -> [Revocation] {
        var added: [Revocation] = []
        for revocation in revocations where self.revocations[revocation] == nil {
            add(
                RevocationRecord(sequence: self.revocations.next, revocation: revocation, at: time, reason: reason))
            added.append(revocation)
        }
        if !added.isEmpty { _ = announce() }
        return added
    }

    func knows(_ revocation: Revocation) -> Bool {
        let name = revocation.value.exact
        switch revocation.kind {
        case .grant: return granted[name] != nil
        case .key: return holders[name] != nil || formerHolders[name] != nil
        case .agent: return row(of: name) != nil || !ids(below: name, limit: 1).isEmpty
        case .profile: return small.profiles[name] != nil
        case .principal:
            var isFound = small.profiles.values.contains { $0.profile.owner.exact == name }
            byID.visit { key in
                guard !isFound, let agent = row(of: key.name)?.record else { return !isFound }
                isFound = agent.principal.exact == name || agent.owner.exact == name
                return !isFound
            }
            return isFound
        case .issuer: return small.keys.contains { $0.key.thumbprint.exact == name }
        }
    }

    // MARK: Departures

    func departures() -> [Departure] { small.departures }

    func put(_ departure: Departure) {
        guard !small.departures.contains(where: { $0.revocation == departure.revocation }) else { return }
        small.departures.append(departure)
        small.departures = small.departures.inOrder {
            ($0.revocation.kind.name.exact, $0.revocation.value.exact)
                < ($1.revocation.kind.name.exact, $1.revocation.value.exact)
        }
        isChanged = true
    }

    func remove(_ departure: Departure) {
        let count = small.departures.count
        small.departures.removeAll { $0.revocation == departure.revocation }
        if small.departures.count != count { isChanged = true }
    }

    // MARK: Lines and counters

    func events(limit: Int) -> [EventRecord] { Array(small.events.prefix(limit)) }

    func append(event line: [UInt8]) {
        small.lastEvent += 1
        small.events.append(EventRecord(sequence: small.lastEvent, line: line))
        isChanged = true
    }

    func removeEvents(through sequence: Int64) {
        let count = small.events.count
        small.events.removeAll { $0.sequence <= sequence }
        if small.events.count != count { isChanged = true }
    }

    func counter(_ name: String) -> Int64 { counters[name.exact]?.value ?? 0 }

    func counters(of agent: String) -> [String] { (countersOf[agent.exact] ?? []).map(\.string) }

    func add(
        _ amount: Int64, to counter: String, of agent: String?, until: Int64
    ) throws(AgentIDError) -> Int64 {
        let (sum, overflow) = self.counter(counter).addingReportingOverflow(amount)
        guard !overflow else { throw .counterOverflow(counter) }
        set(counter.exact, Counter(value: sum, agent: agent?.exact, until: until))
        return sum
    }

    func pruneCounters(endedBefore ended: Int64, limit: Int) -> Int {
        let (time, isTooMuch) = ended.multipliedReportingOverflow(by: 1000)
        guard !isTooMuch else { return 0 }
        var found: [ExactText] = []
        for (name, counter) in counters where counter.until < time && found.count < limit { found.append(name) }
        for name in found { set(name, nil as Counter?) }
        return found.count
    }
}
