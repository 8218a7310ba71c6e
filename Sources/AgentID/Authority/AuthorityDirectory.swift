internal import JOSE

/// Where an authority lives: one directory, shared by processes, changed under a lock.
struct AuthorityDirectory: Sendable {
    let path: String
    let sequence: SharedSequence

    private var statePath: String { "\(path)/authority.json" }

    /// Opens a directory that holds an authority, or is to hold one.
    init(_ path: String, create: Bool) throws(AgentIDError) {
        self.path = path
        if create {
            try Files.makeDirectory(path)
            try Files.makeDirectory("\(path)/keys")
        }
        guard create || Files.exists("\(path)/authority.json") else {
            throw AgentIDError(
                .notFound, name: "no_authority", message: "there is no authority in \(path)", at: "directory")
        }
        sequence = try SharedSequence(path: "\(path)/sequence", isWriter: create)
    }

    static func holdsAuthority(_ path: String) -> Bool { Files.exists("\(path)/authority.json") }

    var replayPath: String { "\(path)/replay" }

    func keyPath(_ key: PublicKey) -> String { "\(path)/keys/\(key.thumbprint).jwk" }

    func load() throws(AgentIDError) -> AuthorityState { try AuthorityState(parsing: Files.read(statePath)) }

    /// Changes the state: read, changed, written and announced while no other process can.
    func change(
        creating initial: () throws(AgentIDError) -> AuthorityState? = { nil },
        _ body: (inout AuthorityState) throws(AgentIDError) -> Void
    ) throws(AgentIDError) -> AuthorityState {
        try Files.withLock("\(path)/lock") { () throws(AgentIDError) in
            var state: AuthorityState
            if Files.exists(statePath) {
                state = try load()
            } else if let created = try initial() {
                state = created
            } else {
                throw AgentIDError(
                    .notFound, name: "no_authority", message: "there is no authority in \(path)", at: "directory")
            }
            try body(&state)
            state.sequence += 1
            try Files.replace(statePath, with: state.tree.canonical().span)
            sequence.store(UInt64(state.sequence))
            return state
        }
    }
}
