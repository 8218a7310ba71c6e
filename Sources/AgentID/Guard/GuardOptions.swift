extension Guard {
    /// How a guard decides. Limits can only be lowered.
    public struct Options: Sendable {
        /// The guard's own name: what proofs name it by (`aat_aud`), and grants that are for some guards only (`aud`).
        public var audience: String?
        /// Whether proofs that name no guard are accepted, as one that somebody forwards. Whatever this says, a proof for
        /// another guard by name is denied.
        public var acceptsProofsWithoutAudience = false
        /// Whether some grant of each chain must name this guard (`aud`). Whatever this says, a grant for other guards is
        /// denied.
        public var requiresChainAudience = false
        /// No for those who look at chains and decide nothing: whom a grant is for is nothing to them.
        package var judgesChainAudience = true
        /// Whether each proof must carry a nonce that this guard issued: see ``Guard/nonce()``.
        public var requiresNonce = false
        /// Who issues nonces, where that is not the guard itself.
        package var nonces: (any Nonces)?
        /// Whether every grant must carry the claim that names its agent.
        public var requiresClaim = false
        /// How far from now a proof may have been signed, in seconds either way; 1 to 60.
        public var proofWindow: Int64 = 30
        /// How old the view of revocations may be, in seconds: a guard that follows a registry goes on for so long when
        /// that cannot be read, and otherwise denies at once; one that is told denies when nobody told it for so long.
        public var maxViewAge: Int64?
        /// How many used proofs of one tree of grants there is room for at least, and of two more such trees at once; 2 to
        /// 67108864. At most 64 bytes for each, which are taken as they are needed. Shared memory grows to the largest of
        /// all its guards; beyond that, proofs are denied (`replay_memory_full`).
        public var replayCapacity = 1 << 20
        /// Whether guards that open the same directory accept a proof once among all of them, not once in each.
        public var sharesReplayMemory = true
        /// How many verified chains are kept.
        public var cacheEntries = 4096
        /// How many bytes of memory they may take: what is kept of their documents and their compiled scopes included.
        public var cacheBytes = 32 << 20
        /// What chains are accepted at most.
        public var limits = ChainLimits()
        /// How decisions are written down, for a guard that follows a directory; one that an authority makes does as that.
        public var audit = AuditPolicy()
        /// What time it is.
        public var clock: any WallClock = SystemClock()
        /// Where the status of grants is looked up, beside this guard's own revocations.
        public var statuses: (any StatusResolver)?
        /// Who confirms the subjects of foreign grants.
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
                    message: "name the guard, so that proofs for others are no use here, or say that any will do",
                    at: "options.audience")
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
