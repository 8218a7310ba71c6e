/// The library's own limits (tokens.md); no option raises them.
enum Limits {
    /// The shortest lifetime, in seconds. Grants are dated in whole seconds, so one of a single second may have ended a
    /// millisecond after it was signed.
    static let shortestLifetime: Int64 = 2
    static let longestLifetime: Int64 = 90 * 86_400
    /// The longest time that an agent may be parked, or its lapsed lease be renewed, in seconds.
    static let longestParking: Int64 = 30 * 86_400
    /// The most agents that are parked together with the one above them.
    static let parkedTogether = 1000
    /// The latest date: the end of the year 9999, in seconds since 1970.
    static let latestDate: Int64 = 253_402_300_799
    static let hardDepth = 64
    static let tokenSize = 64 << 10
    static let chainSize = 256 << 10
    /// The longest proof, in bytes.
    static let proofSize = 128 << 10
    static let issuedAtSkew: Int64 = 30
    static let longestProofWindow: Int64 = 60
    /// The work that verifying one chain may take beyond its signatures, in steps of some 4 ns (`WorkBudget`).
    static let stepsOfChain = 2_000_000
    /// The work that matching one call against its scope and its proof may take, in steps.
    static let stepsOfCall = 2_000_000
    static let replayCapacity = 1 << 26
}

/// The limits of a guard; they can be lowered. A value out of range is refused when a guard is made with it.
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
