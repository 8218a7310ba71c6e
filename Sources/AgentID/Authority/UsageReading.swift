internal import Scopes
internal import StrictJSON

extension Authority {
    /// Compares granted authority with its use, from the audit log but for what was archived, and proposes smaller ceilings.
    ///
    /// - Parameters:
    ///   - profile: Only this one; `nil`: all.
    ///   - since: Only decisions from this time on, in milliseconds since 1970.
    ///   - progress: Told the number of entries read, and the number there are.
    public func usage(
        profile: String? = nil, since: Int64? = nil, progress: (_ read: UInt64, _ all: UInt64) -> Void = { _, _ in }
    ) throws(AgentIDError) -> Usage {
        let reader = try usageReader()
        let profiles: [Profile]
        if let profile { profiles = [try self.profile(named: profile)] } else { profiles = try self.profiles() }
        var reading = UsageReading(of: profiles, in: trustDomain, since: since, registry: registry)
        var index = reader.first
        while index < reader.count {
            let lines = try reader.entries(from: index)
            guard !lines.isEmpty else { break }
            for line in lines { try reading.add(line) }
            index += UInt64(lines.count)
            progress(index, reader.count)
        }
        return reading.usage(from: reader.first, to: index, isWhole: profile == nil)
    }

    /// Of all decisions up to now; where nothing may be changed, of those that are integrated.
    private func usageReader() throws(AgentIDError) -> AuditReader {
        if options.onlyReads, let directory { return try AuditReader(authority: directory.path) }
        try integrate()
        guard let reader = try trail?.log?.reader() else {
            throw AgentIDError(.state, name: "no_audit_log", message: "this authority has no audit log")
        }
        return reader
    }
}

/// Reads the audit log's decisions one by one, in memory that does not grow with the log.
struct UsageReading {
    /// The most grants remembered at once; others are looked up again.
    private static let most = 4096

    private let domain: TrustDomain
    private let since: Int64?
    private let registry: any Registry
    private var accounts: [UsageAccount]
    private var places: [ExactText: Int] = [:]
    private var unattributed = 0
    private var foreign = 0
    /// The scopes of grants, by the hashes of their tokens; `nil` for grants that the registry does not know.
    private var scopes: [Scope?] = []
    private var scopePlaces: [ExactText: Int] = [:]

    init(of profiles: [Profile], in domain: TrustDomain, since: Int64?, registry: any Registry) {
        (self.domain, self.since, self.registry) = (domain, since, registry)
        accounts = profiles.map { UsageAccount(profile: $0) }
        for (i, profile) in profiles.enumerated() { places[profile.name.exact] = i }
    }

    mutating func add(_ line: [UInt8]) throws(AgentIDError) {
        guard let entry = try? JSON(parsing: line).root else { return }
        if entry["kind"]?.equals("denials") == true { return add(denials: entry) }
        guard entry["kind"]?.equals("decision") == true,
            let tool = entry["tool"]?.string, let time = entry["time_ms"]?.int, Int64(time) >= since ?? .min
        else { return }
        if isForeign(entry) { return foreign += 1 }
        guard let place = entry["profile"]?.string.flatMap({ places[$0.exact] }) else { return unattributed += 1 }
        guard entry["decision"]?.equals("permit") == true else {
            return accounts[place].denials[(entry["reason"]?.string ?? "unknown").exact, default: 0] += 1
        }
        let names = entry["arguments"]?.elements.compactMap(\.string) ?? []
        accounts[place].add(call: tool, names, at: Int64(time))
        let chain = entry["chain"]?.elements.compactMap { LoggedGrant($0) } ?? []
        // A grant that was derived elsewhere is unknown here, and below the one above it.
        for (i, grant) in chain.reversed().enumerated() {
            guard let scope = try scope(of: grant, under: chain.dropLast(i + 1).last) else { continue }
            accounts[place].add(scope[tool: tool], of: tool, under: grant.tokenHash, isLeaf: i == 0)
            return
        }
        accounts[place].add(accounts[place].profile.ceiling[tool: tool], of: tool, under: nil, isLeaf: false)
    }

    private mutating func add(denials entry: JSON.Value) {
        guard let time = entry["time_ms"]?.int, Int64(time) >= since ?? .min, let count = entry["count"]?.int, count > 0
        else { return }
        if isForeign(entry) { return foreign = foreign.addingReportingOverflow(count).partialValue }
        guard let place = entry["profile"]?.string.flatMap({ places[$0.exact] }) else {
            return unattributed = unattributed.addingReportingOverflow(count).partialValue
        }
        accounts[place].denials[(entry["reason"]?.string ?? "unknown").exact, default: 0] &+= count
    }

    /// Whether it is of a chain that another domain's key signed: its profile is not one of ours, whatever its name.
    private func isForeign(_ entry: JSON.Value) -> Bool {
        guard let issuer = entry["issuer"] else { return false }
        return issuer["domain"]?.equals(domain.name) != true
    }

    private mutating func scope(
        of logged: LoggedGrant, under above: LoggedGrant?
    ) throws(AgentIDError) -> Scope? {
        if let known = scopePlaces[logged.tokenHash.exact] { return scopes[known] }
        if scopes.count >= Self.most { (scopes, scopePlaces) = ([], [:]) }
        let found = try registry.read { registry in
            if let grant = try registry.grant(logged.id) {
                // Another grant with the same `jti` says nothing about this one.
                return logged.isOf(grant) ? grant : nil
            }
            // A renewed grant is gone. Its agent's first grant had the same scope, or more if the profile was narrowed.
            guard let id = logged.agent, let agent = try registry.agent(id), agent.parent.isSame(as: above?.agent)
            else { return nil }
            return try registry.grants(of: id).first
        }
        let scope = try found.map { grant throws(AgentIDError) in
            try HeldGrant(reading: Array(grant.chain.utf8)).scope
        }
        scopePlaces[logged.tokenHash.exact] = scopes.count
        scopes.append(scope)
        return scope
    }

    func usage(from first: UInt64, to end: UInt64, isWhole: Bool) -> Usage {
        Usage(
            entries: end - first, archived: first, since: since, unattributed: isWhole ? unattributed : 0,
            foreign: isWhole ? foreign : 0,
            profiles: accounts.map(\.usage))
    }
}

/// The findings on one profile so far.
struct UsageAccount {
    let profile: Profile
    var denials: [ExactText: Int] = [:]
    private var covering = Covering()
    private var tools: [ProfileUsage.Tool] = []
    private var places: [ExactText: Int] = [:]
    private var permitted = 0
    private var unknown = 0
    private var beyond = 0
    /// Grants whose tool was added, by grant and tool: 1 if that exceeds the ceiling, otherwise 0.
    private var added: [ExactText: Int] = [:]

    private static let most = 4096
    private static let mostArguments = 64

    init(profile: Profile) { self.profile = profile }

    mutating func add(call name: String, _ arguments: [String], at time: Int64) {
        permitted += 1
        let place = places[name.exact] ?? tools.count
        if place == tools.count {
            places[name.exact] = place
            tools.append(ProfileUsage.Tool(name: name))
        }
        tools[place].calls += 1
        tools[place].latest = max(tools[place].latest, time)
        for argument in arguments where tools[place].names.count < Self.mostArguments {
            tools[place].names.insert(argument.exact)
        }
    }

    /// Adds the scope's tool under which a call was permitted.
    mutating func add(_ tool: ToolScope?, of name: String, under grant: String?, isLeaf: Bool) {
        if !isLeaf { unknown += 1 }
        let key = "\(grant ?? "")\u{0}\(name)".exact
        if let known = added[key] { return beyond += known }
        if added.count >= Self.most { added = [:] }
        if let tool { covering.add(tool) }
        let isBeyond = !(tool.map { profile.ceiling.covers($0) } ?? false) ? 1 : 0
        added[key] = isBeyond
        beyond += isBeyond
    }

    var usage: ProfileUsage {
        let proposal = permitted > 0 ? covering.bounded(by: profile.ceiling) : nil
        return ProfileUsage(
            profile: profile.name, ceiling: profile.ceiling,
            used: places.keys.inOrder().compactMap { places[$0].map { tools[$0] } },
            unused: profile.ceiling.tools.map(\.name).filter { places[$0.exact] == nil }, permitted: permitted,
            denials: denials.map { ($0.key.string, $0.value) }.inOrder { $0.0.exact < $1.0.exact }, proposal: proposal,
            unknown: unknown, beyond: beyond)
    }
}
