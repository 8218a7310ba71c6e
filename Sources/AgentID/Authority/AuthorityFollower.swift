internal import JOSE
internal import Synchronization

/// Keeps a guard in step with an authority's directory: looks at one shared word at every call, reads when it moved.
final class AuthorityFollower: Sendable {
    private let directory: AuthorityDirectory
    private let revocations: RevocationList
    private let seen: Atomic<UInt64>
    private let reading = Locked<Void>(())
    private let target = Locked<(guardian: WeakFollowed, trustDomain: TrustDomain)?>(nil)

    init(_ directory: AuthorityDirectory, revocations: RevocationList, seen: Int) {
        self.directory = directory
        self.revocations = revocations
        self.seen = Atomic(UInt64(clamping: seen))
    }

    func attach(_ guardian: Guard, trustDomain: TrustDomain) {
        target.withLock { $0 = (WeakFollowed(guardian), trustDomain) }
    }

    /// What a guard calls before it decides.
    var step: @Sendable () throws -> Void { { try self.follow() } }

    func follow() throws(AgentIDError) {
        guard directory.sequence.value != seen.load(ordering: .acquiring) else { return }
        try reading.withLock { _ throws(AgentIDError) in
            let announced = directory.sequence.value
            guard announced != seen.load(ordering: .acquiring) else { return }
            let state = try directory.load()
            revocations.add(state.revocations)
            if let (guardian, trustDomain) = target.withLock({ $0 }) {
                try guardian.value?.replaceBundle(state.bundle, of: trustDomain)
            }
            seen.store(announced, ordering: .releasing)
        }
    }
}

struct WeakFollowed: Sendable {
    weak let value: Guard?
    init(_ value: Guard) { self.value = value }
}

extension Guard {
    /// A guard that follows the authority kept in a directory, of which it reads the public state only.
    public static func open(directory path: String, _ options: Options) throws(AgentIDError) -> Guard {
        let directory = try AuthorityDirectory(path, create: false)
        return try following(directory, state: directory.load(), options)
    }

    static func following(_ directory: AuthorityDirectory, state: AuthorityState, _ options: Options)
        throws(AgentIDError) -> Guard
    {
        let revocations = RevocationList()
        revocations.add(state.revocations)
        let follower = AuthorityFollower(directory, revocations: revocations, seen: state.sequence)
        let made = try Guard(
            options, anchors: TrustAnchors(), revocations: revocations, follow: follower.step,
            replayPath: directory.replayPath)
        try made.replaceBundle(state.bundle, of: state.trustDomain)
        follower.attach(made, trustDomain: state.trustDomain)
        return made
    }
}
