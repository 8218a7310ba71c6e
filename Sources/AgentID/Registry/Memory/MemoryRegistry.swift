internal import JOSE
internal import StrictJSON

/// A registry that lives as long as this object: of an authority without a directory.
final class MemoryRegistry: Registry {
    /// As errors call it.
    static let place = "registry in memory"

    private let tables: Locked<MemoryTables>
    private let page: SharedSequence

    init(of trustDomain: TrustDomain, keys: [KeyRecord]) throws(AgentIDError) {
        page = try SharedSequence()
        let tables = MemoryTables(
            meta: RegistryMeta(
                trustDomain: trustDomain.name, sequence: 0, keysSequence: 0, epoch: RegistryEpoch.draw()))
        try tables.transaction { try $0.replaceKeys(keys) }
        tables.small.meta.writes = 0
        self.tables = Locked(tables)
    }

    package func read<Result>(_ body: (any RegistryReader) throws -> Result) throws(AgentIDError) -> Result {
        try tables.withLock { tables throws(AgentIDError) in
            do { return try body(tables) } catch let error as AgentIDError { throw error } catch {
                throw AgentIDError(.internal, name: "transaction", message: "\(error)", at: Self.place)
            }
        }
    }

    package func write<Result>(
        within milliseconds: Int, _ body: (any RegistryWriter) throws -> Result
    ) throws(AgentIDError) -> Result {
        let done = try tables.withLock(within: milliseconds) { tables throws(AgentIDError) in
            (try tables.transaction(body), tables.isAnnounced)
        }
        guard let (result, isAnnounced) = done else { throw .registryBusy(at: Self.place) }
        if isAnnounced { page.advance() }
        return result
    }

    package func announceElsewhere() { page.advance() }

    package var changes: UInt64 { page.value }
}

extension AgentIDError {
    /// A record that a registry refuses to keep.
    static func registryConflict(_ what: String) -> AgentIDError {
        AgentIDError(
            .exists, name: "registry_conflict", message: "the registry refuses a record: \(what)",
            at: MemoryRegistry.place)
    }
}
