extension Guard {
    /// The options of a guard. Limits can only be lowered.
    public struct Options: Sendable {
        /// The guard's own name: proofs name it (`aat_aud`), and so do grants for some guards only (`aud`).
        public var audience: String?
        /// Whether proofs that name no guard are accepted, such as one that somebody forwards. A proof that names
        /// another guard is always denied.
        public var acceptsProofsWithoutAudience = false
        /// Whether some grant of each chain must name this guard (`aud`). A grant for other guards is always denied.
        public var requiresChainAudience = false
        /// `false` for callers that inspect chains and decide nothing: a grant's audience does not concern them.
        package var judgesChainAudience = true
        /// Whether each proof must carry a nonce that this guard issued: see ``Guard/nonce()``.
        public var requiresNonce = false
        /// The issuer of nonces, if that is not the guard itself.
        package var nonces: (any Nonces)?
        /// Whether every grant must carry the claim that names its agent.
        public var requiresClaim = false
        /// The tolerated distance between a proof's time and now, in seconds either way; 1 to 60.
        public var proofWindow: Int64 = 30
        /// The tolerated age of the view of revocations, in seconds. A guard that follows a registry goes on this long
        /// while the registry cannot be read; with `nil` it denies at once. A guard that is told of revocations denies
        /// if nobody told it for this long.
        public var maxViewAge: Int64?
        /// The number of used proofs of one tree of grants that fit at least, next to two more such trees; 2 to
        /// 67108864. Each takes at most 64 bytes, allocated as needed. Shared memory grows to the largest capacity of
        /// all its guards; beyond that, proofs are denied (`replay_memory_full`).
        public var replayCapacity = 1 << 20
        /// Whether guards that open the same directory accept a proof once among all of them, not once in each.
        public var sharesReplayMemory = true
        /// Whether rates and budgets are only looked at: those of a guard that decides nothing.
        var looksOnly = false
        /// The number of verified chains kept.
        public var cacheEntries = 4096
        /// The memory that they may take, in bytes, including the kept parts of their documents and their compiled
        /// scopes.
        public var cacheBytes = 32 << 20
        /// The limits on accepted chains.
        public var limits = ChainLimits()
        /// The recording of decisions, for a guard that follows a directory; a guard made by an authority records as
        /// that does.
        public var audit = AuditPolicy()
        /// The clock. A guard that an authority makes goes by the authority's in place of `SystemClock`.
        public var clock: any WallClock = SystemClock()
        /// The source of grants' status, besides this guard's own revocations.
        public var statuses: (any StatusResolver)?
        /// The service that confirms the subjects of foreign grants.
        public var identities: (any IdentityResolver)?

        /// The defaults; a guard needs an audience, or must say that it accepts proofs without one.
        public init() {}

        func check() throws(AgentIDError) {
            func refuse(_ option: String, _ message: String) -> AgentIDError {
                AgentIDError(.argument, name: "guard_option", message: message, at: "options.\(option)")
            }
            guard (1...Limits.longestProofWindow).contains(proofWindow) else {
                throw refuse("proof_window", "a proof's window is 1 to 60 s")
            }
            guard (1...Limits.longestLifetime).contains(maxViewAge ?? 1) else {
                throw refuse("max_view_age", "a view's age is 1 second to 90 days")
            }
            guard (2...Limits.replayCapacity).contains(replayCapacity) else {
                throw refuse("replay_capacity", "2 to 67108864 proofs")
            }
            guard (1...1 << 20).contains(cacheEntries) else { throw refuse("cache_entries", "1 to 1048576 chains") }
            guard (1...1 << 32).contains(cacheBytes) else { throw refuse("cache_bytes", "1 byte to 4 GiB") }
            guard audience != nil || acceptsProofsWithoutAudience else {
                throw AgentIDError(
                    .argument, name: "audience_missing",
                    message: "name the guard by `audience`, so that proofs for others are no use here, or set "
                        + "`any_audience`", at: "options.audience")
            }
            guard (0...Limits.hardDepth).contains(limits.depth) else {
                throw refuse("max_depth", "a depth is 0 to \(Limits.hardDepth)")
            }
            guard (1...Limits.tokenSize).contains(limits.tokenSize) else {
                throw refuse("max_token_size", "a token has 1 to \(Limits.tokenSize) bytes")
            }
            guard (1...Limits.chainSize).contains(limits.chainSize) else {
                throw refuse("max_chain_size", "a chain has 1 to \(Limits.chainSize) bytes")
            }
            guard (1...AuditBounds.guardian).contains(audience?.utf8.count ?? 1) else {
                throw refuse("audience", "an audience has 1 to \(AuditBounds.guardian) bytes")
            }
        }
    }
}
