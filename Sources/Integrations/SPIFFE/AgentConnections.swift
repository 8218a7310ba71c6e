#if SPIFFE
    internal import JOSE
    internal import NIOCore

    /// The connections of one agent's socket. Each is a descriptor of this process, which serves other agents, and is their authority.
    final class AgentConnections: Sendable {
        private struct State {
            var open: [ObjectIdentifier: any Channel] = [:]
            var hasEnded = false
        }

        /// The most at once.
        private static let most = 32

        private let state = Locked(State())

        /// Keeps a connection, or closes it where there are too many.
        func accept(_ connection: any Channel) {
            let id = ObjectIdentifier(connection)
            let isKept = state.withLock { state in
                guard !state.hasEnded, state.open.count < Self.most else { return false }
                state.open[id] = connection
                return true
            }
            guard isKept else {
                // Not before it is set up: the transport has to see that it began.
                return connection.eventLoop.execute { connection.close(promise: nil) }
            }
            connection.closeFuture.whenComplete { [self] _ in
                state.withLock { _ = $0.open.removeValue(forKey: id) }
            }
        }

        /// Closes those that there are, whatever their clients do, and all that come.
        func end() {
            let open = state.withLock { state in
                state.hasEnded = true
                return state.open.values
            }
            for connection in open { connection.close(promise: nil) }
        }
    }
#endif
