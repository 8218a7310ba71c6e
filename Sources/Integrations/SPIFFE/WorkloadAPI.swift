#if SPIFFE
    public import AgentID
    internal import AgentIDAsync
    internal import Crypto
    internal import JOSE
    internal import StrictJSON

    /// The SPIFFE Workload API for agents: each has a Unix socket of its own, and whoever can open that is the agent. Safe to use
    /// from any thread.
    ///
    ///     let api = try await WorkloadAPI("/run/acme/agents", issuer)
    ///     let address = try await api.serve(agent)        // its process gets this as SPIFFE_ENDPOINT_SOCKET
    ///
    /// Give each agent's process its own socket. A stream brings the next SVID when it is time, and ends with `PERMISSION_DENIED`
    /// when its agent no longer acts. JWT-SVIDs are not served: the standard does not let them be signed with Ed25519.
    public final class WorkloadAPI: Sendable {
        private struct State {
            var sockets: [ExactText: AgentSocket] = [:]
            /// Calls about an agent's socket that go on, or wait.
            var turns: [ExactText: Turns] = [:]
            var federated: [X509Bundle] = []
            var isClosed = false
        }

        private struct Turns {
            var count = 0
            var last: Task<Void, Never>?
        }

        private let directory: String
        private let issuer: SVIDIssuer
        private let lifetime: Int64?
        private let poll: Duration
        private let state = Locked(State())

        /// - Parameters:
        ///   - directory: Where the sockets are; made, or owned by this user and closed to all others (0700).
        ///   - lifetime: Of each SVID, in seconds; by itself as long as the agent's credential.
        ///   - poll: The time after which a stream notices a rotation, or that its agent has ended.
        /// - Throws: `directory_open_to_others`, and errors of files.
        public init(
            _ directory: String, _ issuer: SVIDIssuer, lifetime: Int64? = nil, poll: Duration = .seconds(1)
        ) async throws(AgentIDError) {
            (self.directory, self.issuer, self.lifetime, self.poll) = (directory, issuer, lifetime, poll)
            guard directory.starts(exactly: "/"), poll > .zero else {
                throw AgentIDError(
                    .argument, name: "workload_api", message: "the directory is an absolute path, and poll is above 0")
            }
            try await WaitingThreads.run { () throws(AgentIDError) in
                try PrivateDirectory.make(directory)
                try PrivateDirectory.check(directory)
            }
        }

        /// Serves one agent from now on. Beside other calls about the same agent, each has its turn.
        ///
        /// - Returns: The address for its `SPIFFE_ENDPOINT_SOCKET`: `unix:///...`.
        /// - Throws: ``NoSVID`` where the agent does not act; `served` where it is served already, here or by another process;
        ///   `socket_path` for a directory whose path is too long.
        public func serve(_ agent: Agent) async throws(NoSVID) -> String {
            let source = SVIDSource(issuer, agent, lifetime: lifetime)
            let id = try await source.svid().spiffeID.description
            let name = SHA256.hash(data: Array(id.utf8)).prefix(16).map { hex($0) }.joined()
            let path = "\(directory)/\(name).sock"
            let refusal = await inTurn(of: id.exact) { [self] () async -> AgentIDError? in
                do throws(AgentIDError) {
                    try check(id)
                    let stream = WorkloadStream(source, poll: poll) { [state] in state.withLock { $0.federated } }
                    try await keep(AgentSocket.open(path, stream), for: id)
                    return nil
                } catch { return error }
            }
            if let refusal { throw .failed(refusal) }
            return "unix://\(path)"
        }

        /// Does one thing after the other with an agent's socket, in the order in which they were asked for: a socket that is being
        /// opened or closed is nobody else's to open or to close.
        private func inTurn<Result: Sendable>(
            of agent: ExactText, _ body: @escaping @Sendable () async -> Result
        ) async -> Result {
            let turn = state.withLock { state in
                let before = state.turns[agent, default: Turns()].last
                let turn = Task { [self] in
                    await before?.value
                    let result = await body()
                    endTurn(of: agent)
                    return result
                }
                state.turns[agent, default: Turns()].count += 1
                state.turns[agent, default: Turns()].last = Task { _ = await turn.value }
                return turn
            }
            return await turn.value
        }

        private func endTurn(of agent: ExactText) {
            state.withLock { state in
                state.turns[agent, default: Turns()].count -= 1
                if state.turns[agent]?.count == 0 { state.turns[agent] = nil }
            }
        }

        private func check(_ id: String) throws(AgentIDError) {
            try state.withLock { state throws(AgentIDError) in
                guard !state.isClosed else { throw Self.closed }
                guard state.sockets[id.exact] == nil else {
                    throw AgentIDError(.exists, name: "served", message: "\(id) is served already")
                }
            }
        }

        private func keep(_ socket: AgentSocket, for id: String) async throws(AgentIDError) {
            let isKept = state.withLock { state in
                if !state.isClosed { state.sockets[id.exact] = socket }
                return !state.isClosed
            }
            guard !isKept else { return }
            await socket.close()
            throw Self.closed
        }

        private static var closed: AgentIDError {
            AgentIDError(.state, name: "closed", message: "this Workload API was closed")
        }

        /// Serves an agent no more, by its ID; harmless where it was not served. Its streams end. A call of ``serve(_:)`` that came
        /// before has ended when this returns, and one that comes meanwhile waits.
        public func stop(_ agent: String) async {
            await inTurn(of: agent.exact) { [state] in
                await state.withLock { $0.sockets.removeValue(forKey: agent.exact) }?.close()
            }
        }

        /// Serves nobody any more; harmless when repeated.
        public func close() async {
            let (sockets, turns) = state.withLock { state in
                defer { (state.sockets, state.isClosed) = ([:], true) }
                return (Array(state.sockets.values), state.turns.values.compactMap(\.last))
            }
            await withTaskGroup { group in
                for socket in sockets { group.addTask { await socket.close() } }
            }
            for turn in turns { await turn.value }
        }

        /// Gives agents the bundle of another trust domain too, in place of that domain's former one.
        ///
        /// - Throws: `bundle_rolled_back` for one that is older than that; `own_domain`.
        public func federate(_ bundle: X509Bundle) throws(AgentIDError) {
            guard bundle.trustDomain != issuer.trustDomain else {
                throw AgentIDError(
                    .state, name: "own_domain",
                    message: "the issuer says what the authorities of \(bundle.trustDomain) are")
            }
            try state.withLock { state throws(AgentIDError) in
                let i = state.federated.firstIndex { $0.trustDomain == bundle.trustDomain }
                if let i, state.federated[i].sequence ?? 0 > bundle.sequence ?? 0 {
                    throw AgentIDError(
                        .state, name: "bundle_rolled_back",
                        message:
                            "\(bundle.trustDomain): the sequence went back: an old bundle trusts keys that were withdrawn"
                    )
                }
                if let i { state.federated[i] = bundle } else { state.federated.append(bundle) }
            }
        }

        /// Gives agents the bundle of a trust domain no more; harmless where it was not given.
        public func endFederation(with domain: TrustDomain) {
            state.withLock { $0.federated.removeAll { $0.trustDomain == domain } }
        }
    }

    /// Two hexadecimal digits.
    func hex(_ byte: UInt8) -> String { String(byte >> 4, radix: 16) + String(byte & 0xF, radix: 16) }
#endif
