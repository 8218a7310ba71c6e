public import JOSE
internal import Scopes

/// The root issuer of a trust domain: its signing keys, its profiles, its revocations. Safe to use from any thread.
public final class Authority: Sendable {
    /// How an authority is opened.
    public struct Options: Sendable {
        /// The trust domain's name: needed to create an authority, checked against what is stored.
        public var trustDomain: String?
        /// Encrypts the signing keys at rest.
        public var passphrase: [UInt8]?
        /// Signs instead of a stored key.
        public var signer: (any Signer)?
        /// What time it is.
        public var clock: any Clock = SystemClock()
        /// Whether to refuse to create what is not there.
        public var mustExist = false

        /// The defaults.
        public init() {}

        /// Overwrites this copy of the passphrase; whoever holds another copy overwrites that.
        public mutating func wipePassphrase() {
            guard var bytes = passphrase else { return }
            passphrase = nil
            Sodium.wipe(&bytes)
        }
    }

    private struct Mutable {
        var state: AuthorityState
        /// The active key first, the published next one behind it; empty when closed.
        var signers: [any Signer]
    }

    /// The trust domain.
    public let trustDomain: TrustDomain
    let options: Options
    private let directory: AuthorityDirectory?
    private let mutable: Locked<Mutable>
    private let revocationList: RevocationList
    private let home: Guard

    private init(_ state: AuthorityState, signers: [any Signer], directory: AuthorityDirectory?, options: Options)
        throws(AgentIDError)
    {
        trustDomain = state.trustDomain
        self.options = options
        self.directory = directory
        mutable = Locked(Mutable(state: state, signers: signers))
        let revocationList = RevocationList()
        revocationList.add(state.revocations)
        self.revocationList = revocationList
        var guardOptions = Guard.Options()
        guardOptions.clock = options.clock
        let follower = directory.map { AuthorityFollower($0, revocations: revocationList, seen: state.sequence) }
        home = try Guard(guardOptions, anchors: TrustAnchors(), revocations: revocationList, follow: follower?.step)
        try home.replaceBundle(state.bundle, of: state.trustDomain)
        follower?.attach(home, trustDomain: state.trustDomain)
    }

    /// Opens the authority kept in a directory, or creates it; in memory for a `nil` or empty path.
    public static func open(directory path: String?, options: Options) throws(AgentIDError) -> Authority {
        func created() throws(AgentIDError) -> (AuthorityState, any Signer) {
            guard !options.mustExist else {
                throw AgentIDError(
                    .notFound, name: "no_authority", message: "there is no authority to open", at: "directory")
            }
            guard let name = options.trustDomain else {
                throw AgentIDError(
                    .argument, name: "trust_domain", message: "a trust domain is needed to create an authority",
                    at: "options.trust_domain")
            }
            let domain: TrustDomain
            do throws(AgentIDError) { domain = try TrustDomain(name) } catch {
                throw AgentIDError(error.code, name: error.name, message: error.message, at: "options.trust_domain")
            }
            let signer: any Signer
            if let external = options.signer { signer = external } else { signer = try Agent.newKey() }
            return (AuthorityState(trustDomain: domain, key: signer.publicKey), signer)
        }
        guard let path, !path.isEmpty else {
            let (state, signer) = try created()
            return try Authority(state, signers: [signer], directory: nil, options: options)
        }
        guard !path.utf8.contains(0) else {
            throw AgentIDError(.argument, name: "directory", message: "a path has no NUL", at: "directory")
        }
        // What is missing is found out before anything is made.
        if !AuthorityDirectory.holdsAuthority(path) {
            guard !options.mustExist, options.trustDomain != nil else {
                _ = try created();
                throw AgentIDError(
                    .notFound, name: "no_authority", message: "there is no authority in \(path)", at: "directory")
            }
            _ = try TrustDomain(options.trustDomain ?? "")
        }
        let directory = try AuthorityDirectory(path, create: true)
        let state = try directory.change(creating: { () throws(AgentIDError) in
            let (state, signer) = try created()
            if let key = signer as? SigningKey {
                try KeyFile.write(key, to: directory.keyPath(key.publicKey), passphrase: options.passphrase)
            }
            return state
        }) { _ throws(AgentIDError) in }
        guard options.trustDomain == nil || options.trustDomain == state.trustDomain.name else {
            throw AgentIDError(
                .state, name: "other_trust_domain", message: "\(path) holds the authority of \(state.trustDomain)",
                at: "options.trust_domain")
        }
        return try Authority(
            state, signers: try signers(of: state, in: directory, options: options), directory: directory,
            options: options)
    }

    private static func signers(
        of state: AuthorityState, in directory: AuthorityDirectory, options: Options
    ) throws(AgentIDError) -> [any Signer] {
        if let external = options.signer {
            guard state.keys.contains(where: { $0.role == .active && $0.key == external.publicKey }) else {
                throw AgentIDError(
                    .signer, name: "signer_mismatch", message: "the signer's key is not the authority's active key",
                    at: "options.signer")
            }
            return [external]
        }
        var signers: [any Signer] = []
        for role in [AuthorityState.Key.Role.active, .next] {
            for key in state.keys where key.role == role {
                signers.append(try KeyFile.read(directory.keyPath(key.key), passphrase: options.passphrase))
            }
        }
        return signers
    }

    /// The trust domain's bundle: a SPIFFE bundle, JSON.
    public func bundle() throws(AgentIDError) -> String {
        try current().state.bundle.tree.text
    }

    /// Adds the next signing key to the bundle without signing with it yet.
    public func publishKey() throws(AgentIDError) {
        guard options.signer == nil else {
            throw AgentIDError(
                .state, name: "external_signer", message: "keys behind a signer are rotated where they are")
        }
        let key = try Agent.newKey()
        if let directory {
            try KeyFile.write(key, to: directory.keyPath(key.publicKey), passphrase: options.passphrase)
        }
        try change(adding: key) { state throws(AgentIDError) in
            guard !state.keys.contains(where: { $0.role == .next }) else {
                throw AgentIDError(
                    .state, name: "key_published", message: "a next key is published already: activate it first")
            }
            state.keys.append(AuthorityState.Key(key: key.publicKey, role: .next))
        }
    }

    /// Signs with the published key from now on; the old one stays in the bundle until its last grant has expired.
    public func activateKey() throws(AgentIDError) {
        let now = options.clock.seconds
        try change(adding: nil) { state throws(AgentIDError) in
            guard state.keys.contains(where: { $0.role == .next }) else {
                throw AgentIDError(.state, name: "no_next_key", message: "no next key is published: publish one first")
            }
            let longest = state.profiles.values.map(\.maxLifetime).max() ?? 3600
            state.keys.removeAll { ($0.dropAt ?? .max) <= now }
            for i in state.keys.indices {
                switch state.keys[i].role {
                case .active: (state.keys[i].role, state.keys[i].dropAt) = (.retired, now + longest)
                case .next: state.keys[i].role = .active
                case .retired: break
                }
            }
        }
        mutable.withLock { if $0.signers.count > 1 { $0.signers.removeFirst() } }
    }

    /// Creates or replaces a profile.
    public func put(_ profile: Profile) throws(AgentIDError) {
        try change(adding: nil) { state throws(AgentIDError) in
            guard state.profiles.count < 10_000 || state.profiles[profile.name] != nil else {
                throw AgentIDError(.limit, name: "profiles", message: "an authority has at most 10000 profiles")
            }
            state.profiles[profile.name] = profile
        }
    }

    /// All profiles, by name.
    public func profiles() throws(AgentIDError) -> [Profile] {
        try current().state.profiles.values.sorted { $0.name < $1.name }
    }

    /// One profile.
    public func profile(named name: String) throws(AgentIDError) -> Profile {
        guard let profile = try current().state.profiles[name] else {
            throw AgentIDError(.notFound, name: "profile", message: "there is no profile of this name", at: "profile")
        }
        return profile
    }

    /// Starts an agent: a new ID, a new key, a credential, and a root grant.
    public func startAgent(profile name: String, _ request: AgentRequest) throws(AgentIDError) -> Agent {
        let key = try Agent.newKey()
        let issued = try issue(profile: name, to: key.publicKey, request)
        return Agent(
            Agent.State(
                held: try HeldGrant(reading: Array(issued.chain.utf8)), key: key, credential: issued.credential),
            clock: options.clock,
            home: Agent.Home(
                guardian: home, revoke: { [weak self] in try? self?.revoke($0) },
                renew: { [weak self] key, id throws(AgentIDError) in try self?.credential(for: key, id: id) }))
    }

    /// Issues a root grant and a credential: profile ceiling ∩ principal's entitlements ∩ what the task asks for.
    public func issue(
        profile name: String, to holder: PublicKey, _ request: AgentRequest
    ) throws(AgentIDError) -> (chain: String, credential: String) {
        let mutable = try current()
        guard let profile = mutable.state.profiles[name] else {
            throw AgentIDError(.notFound, name: "profile", message: "there is no profile of this name", at: "profile")
        }
        guard let signer = mutable.signers.first else { throw Authority.closed }
        let issuance = RootIssuance(trustDomain: trustDomain, profile: profile, clock: options.clock)
        return try issuance.issue(to: holder, request, by: signer, revocations: revocationList)
    }

    private func credential(for key: PublicKey, id: String) throws(AgentIDError) -> String? {
        guard let signer = try current().signers.first else { throw Authority.closed }
        return try Credential.issue(
            to: key, agent: SPIFFEID(id), by: signer, at: options.clock.seconds,
            milliseconds: options.clock.milliseconds,
            lifetime: 300)
    }

    /// Revokes, for good.
    public func revoke(_ revocation: Revocation) throws(AgentIDError) { try revoke([revocation]) }

    private func revoke(_ revocations: [Revocation]) throws(AgentIDError) {
        // First here: nothing is permitted any more even where the disk then fails.
        revocationList.add(revocations)
        try change(adding: nil) { state throws(AgentIDError) in
            state.revocations += revocations.filter { !state.revocations.contains($0) }
        }
    }

    /// All revocations, oldest first.
    public func revocations() throws(AgentIDError) -> [Revocation] { try current().state.revocations }

    /// A guard that follows this authority: its bundle and its revocations, as they change.
    public func guarding(_ options: Guard.Options) throws(AgentIDError) -> Guard {
        let state = try current().state
        if let directory { return try Guard.following(directory, state: state, options) }
        let made = try Guard(options, anchors: TrustAnchors(), revocations: revocationList, follow: nil)
        try made.replaceBundle(state.bundle, of: trustDomain)
        followers.withLock { $0.append(WeakGuard(made)) }
        return made
    }

    /// Closes: the keys are wiped when the last call that uses them returns.
    public func close() {
        mutable.withLock { $0.signers = [] }
    }

    private static let closed = AgentIDError(.state, name: "authority_closed", message: "the authority was closed")
    private let followers = Locked<[WeakGuard]>([])

    private func current() throws(AgentIDError) -> Mutable {
        let mutable = mutable.withLock { $0 }
        guard !mutable.signers.isEmpty else { throw Authority.closed }
        return mutable
    }

    private func change(
        adding signer: (any Signer)?, _ body: (inout AuthorityState) throws(AgentIDError) -> Void
    ) throws(AgentIDError) {
        _ = try current()
        let bundle = try mutable.withLock { mutable throws(AgentIDError) in
            if let directory {
                mutable.state = try directory.change(body)
            } else {
                var state = mutable.state
                try body(&state)
                state.sequence += 1
                mutable.state = state
            }
            if let signer { mutable.signers.append(signer) }
            return mutable.state.bundle
        }
        try home.replaceBundle(bundle, of: trustDomain)
        let guards = followers.withLock { followers in
            followers.removeAll { $0.value == nil }
            return followers.compactMap(\.value)
        }
        for follower in guards { try follower.replaceBundle(bundle, of: trustDomain) }
    }
}

private struct WeakGuard: Sendable {
    weak let value: Guard?
    init(_ value: Guard) { self.value = value }
}
