internal import JOSE

extension Authority {
    /// The trust domain's bundle: a SPIFFE bundle, JSON.
    public func bundle() throws(AgentIDError) -> String {
        try keys.checkOpen()
        return try registry.read { try TrustBundle(of: $0) }.tree.text
    }

    /// Adds the next signing key to the bundle without signing with it yet.
    public func publishKey() throws(AgentIDError) {
        try keys.checkOpen()
        guard !keys.isExternal else {
            throw AgentIDError(
                .state, name: "external_signer", message: "keys behind a signer are rotated where they are")
        }
        try registry.read { try refuseNextKey(in: $0) }
        let key = try keys.make()
        do throws(AgentIDError) {
            try registry.write { registry in
                try refuseNextKey(in: registry)
                try registry.replaceKeys(try registry.keys() + [KeyRecord(key: key, role: .next)])
            }
        } catch {
            keys.discard(key)
            throw error
        }
    }

    private func refuseNextKey(in registry: any RegistryReader) throws(AgentIDError) {
        guard try !registry.keys().contains(where: { $0.role == .next }) else {
            throw AgentIDError(
                .state, name: "key_published", message: "a next key is published already: activate it first")
        }
    }

    /// Signs with the published key from now on; the old one stays in the bundle until its last grant has expired.
    public func activateKey() throws(AgentIDError) {
        try keys.checkOpen()
        let now = options.clock.seconds
        try registry.write { registry in
            var records = try registry.keys()
            guard records.contains(where: { $0.role == .next }) else {
                throw AgentIDError(.state, name: "no_next_key", message: "no next key is published: publish one first")
            }
            let longest = try registry.profiles().map(\.profile.maxLifetime).max() ?? 3600
            records.removeAll { ($0.dropAt ?? .max) <= now }
            for i in records.indices {
                switch records[i].role {
                case .active: (records[i].role, records[i].dropAt) = (.retired, now + longest)
                case .next: records[i].role = .active
                case .retired: break
                }
            }
            try registry.replaceKeys(records)
        }
    }
}

extension TrustBundle {
    /// The bundle of a registry's trust domain.
    init(of registry: any RegistryReader) throws(AgentIDError) {
        self.init(
            sequence: Int(clamping: try registry.meta().keysSequence), keys: try registry.keys().map(\.key))
    }
}
