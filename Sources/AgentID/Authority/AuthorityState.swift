internal import JOSE

/// What an authority keeps, without its private keys: one document.
struct AuthorityState: Sendable {
    static let version = 1

    struct Key: Sendable {
        enum Role: String { case active, next, retired }
        var key: PublicKey
        var role: Role
        /// When the last grant under a retired key has expired, in seconds since 1970.
        var dropAt: Int64?
    }

    var trustDomain: TrustDomain
    /// Counts changes.
    var sequence = 1
    var keys: [Key]
    var profiles: [String: Profile] = [:]
    var revocations: [Revocation] = []

    var bundle: TrustBundle { TrustBundle(sequence: sequence, keys: keys.map(\.key)) }

    init(trustDomain: TrustDomain, key: PublicKey) {
        self.trustDomain = trustDomain
        keys = [Key(key: key, role: .active)]
    }

    var tree: JSONTree {
        [
            "version": .int(Self.version), "trust_domain": .string(trustDomain.name), "sequence": .int(sequence),
            "keys": .array(
                keys.map { key in
                    [
                        "jwk": key.key.jwk, "role": .string(key.role.rawValue),
                        "drop_at": key.dropAt.map { .int(Int($0)) } ?? .null,
                    ]
                }),
            "profiles": .array(profiles.values.sorted { $0.name < $1.name }.map(\.tree)),
            "revocations": .array(
                revocations.map { ["kind": .string($0.kind.name), "value": .string($0.value)] }),
        ]
    }

    init(parsing bytes: [UInt8]) throws(AgentIDError) {
        let place = "authority.json"
        let root: JSON.Value
        do { root = try JSON(parsing: bytes, limits: .init(bytes: 16 << 20)).root } catch {
            throw AgentIDError(error, at: place)
        }
        guard let version = root["version"]?.int else {
            throw AgentIDError(.malformed, name: "state", message: "the stored state has no version", at: place)
        }
        guard version <= Self.version else {
            throw AgentIDError(
                .version, name: "newer_state",
                message: "the state has version \(version), this library reads up to \(Self.version)", at: place)
        }
        guard let domain = root["trust_domain"]?.string, let sequence = root["sequence"]?.int,
            let keys = root["keys"], let profiles = root["profiles"], let revocations = root["revocations"]
        else { throw AgentIDError(.malformed, name: "state", message: "the stored state lacks members", at: place) }
        trustDomain = try TrustDomain(domain)
        self.sequence = sequence
        self.keys = []
        for entry in keys.elements {
            guard let jwk = entry["jwk"], let role = entry["role"]?.string.flatMap(Key.Role.init) else {
                throw AgentIDError(.malformed, name: "state", message: "a stored key lacks members", at: place)
            }
            do throws(JOSEError) {
                self.keys.append(
                    Key(key: try PublicKey(jwk: jwk), role: role, dropAt: entry["drop_at"]?.int.map { Int64($0) }))
            } catch { throw AgentIDError(error, at: place) }
        }
        for entry in profiles.elements {
            let profile = try Profile(parsing: entry)
            self.profiles[profile.name] = profile
        }
        for entry in revocations.elements {
            guard let kind = entry["kind"]?.string.flatMap(Revocation.Kind.init(name:)),
                let value = entry["value"]?.string
            else {
                throw AgentIDError(.malformed, name: "state", message: "a stored revocation lacks members", at: place)
            }
            self.revocations.append(try Revocation(kind, value))
        }
    }
}
