import AgentID
import Scopes
import Synchronization

/// An authority with one profile, in memory or in a directory, under a clock of its own.
struct World {
    final class Hand: Sendable { let milliseconds = Atomic<Int64>(1_790_000_000_000) }
    let hand = Hand()
    let authority: Authority
    /// The directory that the authority's own is in, gone with the world; `nil` where a test made that, or it is in memory.
    private(set) var directory: TemporaryDirectory?

    /// One in a directory of its own.
    static func inDirectory() throws -> World {
        let directory = try TemporaryDirectory()
        var world = try World(at: directory.path + "/acme")
        world.directory = directory
        return world
    }

    /// The authority's directory, of a world that has one of its own.
    var path: String { (directory?.path ?? "") + "/acme" }

    /// - Parameter movesMeters: whether the machine's clock, which meters go by, moves with the hand.
    init(
        at path: String? = nil, movesMeters: Bool = false, _ change: (inout Authority.Options) -> Void = { _ in }
    ) throws {
        var options = Authority.Options()
        options.trustDomain = "acme.example"
        let hand = hand
        options.clock = CallbackClock { hand.milliseconds.load(ordering: .relaxed) }
        options.steadyClock = Self.steadyClock(hand)
        if movesMeters { options.metersClock = options.steadyClock }
        change(&options)
        authority = try Authority.open(directory: path, options: options)
        try authority.put(
            Profile(
                name: "researcher", owner: "team:research@acme.example",
                ceiling: Scope("read_file(path under '/data'); search(query: *)")))
    }

    var clock: CallbackClock {
        let hand = hand
        return CallbackClock { hand.milliseconds.load(ordering: .relaxed) }
    }

    /// As fast as the clock, and of one run of the machine.
    var steadyClock: SteadyClock { Self.steadyClock(hand) }

    private static func steadyClock(_ hand: Hand) -> SteadyClock {
        SteadyClock { SteadyTime(boot: "run", milliseconds: hand.milliseconds.load(ordering: .relaxed)) }
    }

    func start(_ scope: String = "read_file(path under '/data/q3')", from other: Authority? = nil) throws -> Agent {
        try (other ?? authority).startAgent(
            profile: "researcher",
            AgentRequest(principal: "user:alice@acme.example", task: "Q3 review", scope: Scope(scope)))
    }

    /// A guard that is told the bundle, and nothing else.
    func guarding(_ change: (inout Guard.Options) -> Void = { _ in }) throws -> Guard {
        var options = Guard.Options()
        options.audience = "files"
        options.clock = clock
        change(&options)
        let made = try Guard(options)
        try made.addBundle(Array(authority.bundle().utf8), for: "acme.example")
        return made
    }

    func pass(seconds: Int64) { pass(milliseconds: seconds * 1000) }

    func pass(milliseconds: Int64) { hand.milliseconds.add(milliseconds, ordering: .relaxed) }
}

extension Guard.Options {
    /// The defaults, of a guard with a name.
    static var named: Guard.Options {
        var options = Guard.Options()
        options.audience = "files"
        return options
    }

    /// Options under a world's clock, that accept proofs for nobody in particular.
    static func forTests(_ world: World, _ change: (inout Guard.Options) -> Void = { _ in }) -> Guard.Options {
        var options = Guard.Options()
        (options.clock, options.acceptsProofsWithoutAudience) = (world.clock, true)
        change(&options)
        return options
    }
}
