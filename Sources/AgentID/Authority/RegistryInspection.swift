/// The public state of an authority's directory, for who looks after it: read, changed by nothing.
package struct RegistryInspection: Sendable {
    private let registry: SQLiteRegistry
    package let trustDomain: String
    package let keys: [KeyRecord]
    package let profiles: [Profile]

    /// Reads what is in a directory.
    package init(of path: String) throws(AgentIDError) {
        registry = try AuthorityDirectory(reading: path).openRegistry(.read)
        (trustDomain, keys, profiles) = try registry.read { registry in
            (try registry.meta().trustDomain, try registry.keys(), try registry.profiles().map(\.profile))
        }
    }

    /// Reads every page of the registry.
    package func checkIntegrity() throws(AgentIDError) { try registry.checkIntegrity() }
}
