#if ServiceLifecycle
    public import AgentIDAsync
    public import ServiceLifecycle

    /// An authority as a service: ends agents whose lease has lapsed, again and again, and closes the authority on graceful
    /// shutdown.
    ///
    ///     let acme = try await Authority.open(directory: "/var/lib/acme", options: options)
    ///     let group = ServiceGroup(services: [AgentAuthorityService(acme), server], logger: logger)
    ///
    /// A group ends its services in reverse order: name this one first, so that it is the last to end, and the agents of
    /// requests that are still running can be ended.
    public struct AgentAuthorityService: Service {
        /// The authority, open until the service has run.
        public let authority: Authority
        private let interval: Duration
        private let onError: @Sendable (AgentIDError) -> Void
        /// Waits between two reaps: replaced only in tests.
        var pause: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }

        /// - Parameters:
        ///   - authority: Closed when the service has run.
        ///   - interval: The time between two reaps, at least 10 ms.
        ///   - onError: Is told of a reap that failed. The next is tried after `interval` all the same.
        public init(
            _ authority: Authority, reapEvery interval: Duration = .seconds(30),
            onError: @escaping @Sendable (AgentIDError) -> Void = { _ in }
        ) {
            self.authority = authority
            self.interval = max(interval, .milliseconds(10))
            self.onError = onError
        }

        /// Reaps until graceful shutdown, or until its task is cancelled; then closes the authority.
        public func run() async {
            await cancelWhenGracefulShutdown {
                while !Task.isCancelled {
                    do throws(AgentIDError) { _ = try await authority.reap() } catch { onError(error) }
                    try? await pause(interval)
                }
            }
            await authority.close()
        }
    }
#endif
