#if SPIFFE
    internal import AgentID
    internal import AgentIDAsync
    internal import GRPCCore
    internal import GRPCNIOTransportHTTP2Posix
    internal import Glibc

    /// A Unix socket on which one agent is served.
    struct AgentSocket: Sendable {
        private let path: String
        private let identity: FileIdentity?
        private let server: GRPCServer<HTTP2ServerTransport.Posix>
        private let serving: Task<Void, any Error>

        /// Serves from now on.
        static func open(_ path: String, _ stream: WorkloadStream) async throws(AgentIDError) -> AgentSocket {
            let (listening, identity) = try await WaitingThreads.run { () throws(AgentIDError) in
                (try UnixSocket.listen(at: path), FileIdentity(at: path))
            }
            let transport = HTTP2ServerTransport.Posix(
                listeningSocketDescriptor: Int(listening), transportSecurity: .plaintext,
                config: .defaults { config in
                    config.rpc.maxRequestPayloadSize = 16 * 1024
                    config.http2.maxConcurrentStreams = 32
                })
            var router = RPCRouter<HTTP2ServerTransport.Posix>()
            stream.register(in: &router)
            let server = GRPCServer(transport: transport, router: router)
            let socket = AgentSocket(
                path: path, identity: identity, server: server, serving: Task { try await server.serve() })
            do { _ = try await transport.listeningAddress } catch {
                await socket.close()
                throw AgentIDError(.io, name: "socket", message: "cannot listen on \(path): \(error)")
            }
            return socket
        }

        /// Ends all streams, and removes the socket.
        func close() async {
            server.beginGracefulShutdown()
            serving.cancel()
            _ = await serving.result
            let (path, identity) = (path, identity)
            await WaitingThreads.run {
                // Another's socket may be there by now.
                guard let identity, FileIdentity(at: path) == identity else { return }
                _ = unsafe unlink(path)
            }
        }
    }
#endif
