/// The library's own limits (tokens.md): what no option raises.
enum Limits {
    /// Grants are dated in whole seconds: one of a single second may have ended a millisecond after it was signed.
    static let shortestLifetime: Int64 = 2
    static let longestLifetime: Int64 = 90 * 86_400
    /// How long an agent may be parked, or be taken up again after its lease lapsed, in seconds.
    static let longestParking: Int64 = 30 * 86_400
    /// The end of the year 9999, in seconds since 1970: no date lies after it.
    static let latestDate: Int64 = 253_402_300_799
    static let hardDepth = 64
    static let tokenSize = 64 << 10
    static let chainSize = 256 << 10
    static let issuedAtSkew: Int64 = 30
    static let longestProofWindow: Int64 = 60
    /// How much work verifying one chain may take beyond its signatures, in steps of some 4 ns (`WorkBudget`).
    static let stepsOfChain = 2_000_000
    /// How much work matching one call against its scope and its proof may take.
    static let stepsOfCall = 2_000_000
    static let replayCapacity = 1 << 26
}

/// What a guard accepts at most; configurable downwards. What is out of range is refused where a guard is made with it.
public struct ChainLimits: Sendable, Hashable {
    /// The deepest chain: links beyond the root (`MAX_DELEGATION_DEPTH`); 0 to 64.
    public var depth = 16
    /// The longest token, in bytes; 1 to 65536.
    public var tokenSize = Limits.tokenSize
    /// The longest chain, in bytes; 1 to 262144.
    public var chainSize = Limits.chainSize

    /// The defaults.
    public init() {}
}
