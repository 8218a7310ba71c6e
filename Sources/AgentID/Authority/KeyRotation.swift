internal import JOSE
internal import StrictJSON

extension Authority {
    /// The trust domain's bundle: a SPIFFE bundle, JSON.
    public func bundle() throws(AgentIDError) -> String {
        try keys.checkOpen()
        let now = clock.seconds
        var bundle = try registry.read { try TrustBundle(of: $0) }
        // A revocation is in force before it is in the registry.
        bundle.revoke(at: now) { view.revocations.first(of: [Revocation(unchecked: .issuer, $0)]) != nil }
        return bundle.tree(at: now).text
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
            if registry.isUnnamed(key, after: error) { keys.discard(key) }
            throw error
        }
    }

    private func refuseNextKey(in registry: any RegistryReader) throws(AgentIDError) {
        guard try !registry.keys().contains(where: { $0.role == .next }) else {
            throw AgentIDError(
                .state, name: "key_published",
                message: "a next key is published already: give the bundle to guards elsewhere, then activate it")
        }
    }

    /// The number of retired keys that a rotation keeps though their last grants have ended. No bundle lists them, and no
    /// guard takes what they signed, while the clock says so.
    private static let keptEnded = 8

    /// Signs with the published key from now on, and removes the old one's private half.
    ///
    /// The old public half stays in the bundle until the last grant that it signed has expired. Every guard refuses
    /// grants under it that are dated later than this call.
    public func activateKey() throws(AgentIDError) {
        try keys.checkOpen()
        let now = try clock.now() / 1000
        let retired = try registry.write { registry -> [PublicKey] in
            var records = try registry.keys()
            guard records.contains(where: { $0.role == .next }) else {
                throw AgentIDError(.state, name: "no_next_key", message: "no next key is published: publish one first")
            }
            let last = max(try registry.lastGrantExpiry() ?? now, now)
            // A grant dated by a clock that was ahead for a moment is valid until the date it bears.
            let retiredAt = max(try registry.lastGrantIssue(after: now) ?? now, now)
            let retired = records.filter { $0.role != .next }.map(\.key)
            // A clock that is ahead for a moment says that all have ended: some are kept whatever it says.
            let ended = records.compactMap(\.dropAt).filter { $0 <= now }.inOrder()
            if ended.count > Self.keptEnded {
                records.removeAll { ($0.dropAt ?? .max) < ended[ended.count - Self.keptEnded] }
            }
            for i in records.indices {
                switch records[i].role {
                case .active:
                    records[i].role = .retired
                    (records[i].dropAt, records[i].retiredAt) = (last, retiredAt)
                case .next: records[i].role = .active
                case .retired:
                    // No grant lasts longer than the last one: a clock that was ahead said so when that key was retired.
                    guard let drop = records[i].dropAt, drop > last else { break }
                    records[i].dropAt = last
                    records[i].retiredAt = records[i].retiredAt.map { min($0, retiredAt) }
                }
            }
            try registry.replaceKeys(records)
            return retired
        }
        for key in retired { keys.discard(key) }
    }
}

extension TrustBundle {
    /// The bundle of a registry's trust domain.
    init(of registry: any RegistryReader) throws(AgentIDError) {
        let meta = try registry.meta()
        let domain = try TrustDomain(meta.trustDomain)
        self.init(
            sequence: Int(clamping: meta.keysSequence),
            anchors: try registry.keys().map { record throws(AgentIDError) in
                TrustAnchor(
                    record.key, of: domain, retiredAt: record.retiredAt, endsAt: record.dropAt,
                    revokedAt: try registry.revocationTime(of: Revocation(unchecked: .issuer, record.key.thumbprint)))
            })
    }
}
