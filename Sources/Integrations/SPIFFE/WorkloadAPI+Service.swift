#if SPIFFE
    public import ServiceLifecycle

    /// As a service of a group, it serves until graceful shutdown. Name it after the authority's service and before the servers
    /// that start agents: a group ends its services in reverse order.
    extension WorkloadAPI: Service {
        /// Waits for graceful shutdown, or until its task is cancelled; then ends all streams.
        public func run() async {
            try? await gracefulShutdown()
            await close()
        }
    }
#endif
