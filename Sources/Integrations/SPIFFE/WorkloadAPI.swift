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
            var sockets: [ExactText: AgentSocket?] = [:]
            var federated: [X509Bundle] = []
            var isClosed = false
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

        /// Serves one agent from now on.
        ///
        /// - Returns: The address for its `SPIFFE_ENDPOINT_SOCKET`: `unix:///...`.
        /// - Throws: ``NoSVID`` where the agent does not act; `served` where it is served already, here or by another process;
        ///   `socket_path` for a directory whose path is too long.
        public func serve(_ agent: Agent) async throws(NoSVID) -> String {
            let source = SVIDSource(issuer, agent, lifetime: lifetime)
            let id = try await source.svid().spiffeID.description
            let name = SHA256.hash(data: Array(id.utf8)).prefix(16).map { hex($0) }.joined()
            let path = "\(directory)/\(name).sock"
            do throws(AgentIDError) {
                try claim(id)
                do throws(AgentIDError) {
                    let stream = WorkloadStream(source, poll: poll) { [state] in state.withLock { $0.federated } }
                    try await keep(AgentSocket.open(path, stream), for: id)
                } catch {
                    state.withLock { _ = $0.sockets.removeValue(forKey: id.exact) }
                    throw error
                }
            } catch { throw .failed(error) }
            return "unix://\(path)"
        }

        /// Takes an agent's place before its socket is made: nobody else makes it meanwhile.
        private func claim(_ id: String) throws(AgentIDError) {
            try state.withLock { state throws(AgentIDError) in
                guard !state.isClosed else {
                    throw AgentIDError(.state, name: "closed", message: "this Workload API was closed")
                }
                guard state.sockets[id.exact] == nil else {
                    throw AgentIDError(.exists, name: "served", message: "\(id) is served already")
                }
                state.sockets[id.exact] = .some(nil)
            }
        }

        private func keep(_ socket: AgentSocket, for id: String) async throws(AgentIDError) {
            let isKept = state.withLock { state in
                guard !state.isClosed, state.sockets[id.exact] != nil else { return false }
                state.sockets[id.exact] = .some(socket)
                return true
            }
            guard !isKept else { return }
            await socket.close()
            throw AgentIDError(.state, name: "closed", message: "serving \(id) was stopped meanwhile")
        }

        /// Serves an agent no more, by its ID; harmless where it was not served. Its streams end.
        public func stop(_ agent: String) async {
            await state.withLock({ $0.sockets.removeValue(forKey: agent.exact) ?? nil })?.close()
        }

        /// Serves nobody any more; harmless when repeated.
        public func close() async {
            let sockets = state.withLock { state in
                defer { (state.sockets, state.isClosed) = ([:], true) }
                return state.sockets.values.compactMap { $0 }
            }
            await withTaskGroup { group in
                for socket in sockets { group.addTask { await socket.close() } }
            }
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
