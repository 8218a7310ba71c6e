#if SPIFFE
    internal import AgentID
    internal import AgentIDAsync
    internal import GRPCCore
    internal import GRPCNIOTransportHTTP2Posix
    internal import Glibc
    internal import NIOCore

    /// A Unix socket on which one agent is served.
    struct AgentSocket: Sendable {
        private let path: String
        private let identity: FileIdentity?
        private let connections: AgentConnections
        private let server: GRPCServer<HTTP2ServerTransport.Posix>
        private let serving: Task<Void, any Error>

        /// Serves from now on.
        static func open(_ path: String, _ stream: WorkloadStream) async throws(AgentIDError) -> AgentSocket {
            let (listening, identity) = try await WaitingThreads.run { () throws(AgentIDError) in
                (try UnixSocket.listen(at: path), FileIdentity(at: path))
            }
            let connections = AgentConnections()
            let transport = HTTP2ServerTransport.Posix(
                listeningSocketDescriptor: Int(listening), transportSecurity: .plaintext,
                config: .defaults { config in
                    config.rpc.maxRequestPayloadSize = 16 * 1024
                    config.http2.maxConcurrentStreams = 32
                    config.channelDebuggingCallbacks.onAcceptTCPConnection = { connection in
                        connections.accept(connection)
                        return connection.eventLoop.makeSucceededVoidFuture()
                    }
                })
            var router = RPCRouter<HTTP2ServerTransport.Posix>()
            stream.register(in: &router)
            let server = GRPCServer(transport: transport, router: router)
            let socket = AgentSocket(
                path: path, identity: identity, connections: connections, server: server,
                serving: Task { try await server.serve() })
            do { _ = try await transport.listeningAddress } catch {
                await socket.close()
                throw AgentIDError(.io, name: "socket", message: "cannot listen on \(path): \(error)")
            }
            return socket
        }

        /// Ends all streams, within a second whatever their clients do, and removes the socket.
        ///
        /// Serving is not cancelled: a connection that the transport has accepted and not begun would end the process (SwiftNIO's
        /// writers have to be finished). Nor does it end by itself, where a client acknowledges nothing.
        func close() async {
            server.beginGracefulShutdown()
            let patience = Task { [connections] in
                try await Task.sleep(for: .seconds(1))
                connections.end()
            }
            _ = await serving.result
            patience.cancel()
            let (path, identity) = (path, identity)
            await WaitingThreads.run {
                // Another's socket may be there by now.
                guard let identity, FileIdentity(at: path) == identity else { return }
                _ = unsafe unlink(path)
            }
        }
    }
#endif
