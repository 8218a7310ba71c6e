internal import StrictJSON

/// A secret that was refused for a permitted call: an event of the agent, in the audit log before it is answered.
struct SecretRefusal {
    private var event: LifecycleEvent

    /// `nil` if the permit's chain names nobody.
    init?(_ denial: Denial, for permit: Permit, _ provider: String, at time: Int64, under sequence: Int64) {
        guard var event = LifecycleEvent(.secretRefused, by: denial, of: permit.decision, at: time) else { return nil }
        event.provider = provider.beginning(atMost: 128)
        event.sequence = sequence
        // Counted apart from the denials of calls.
        event.source = "secret \(event.source)"
        self.event = event
    }

    /// Writes it down, and tells hooks.
    ///
    /// - Parameter outbox: The registry, if it takes lines for a log that is not open here.
    func tell(_ trail: AuditTrail?, _ denials: DenialNotifier, _ outbox: (any Registry)?) {
        if let trail {
            trail.record(event: event.line)
        } else if let outbox {
            try? outbox.write(within: 1000) { try $0.append(event: event.line) }
        }
        denials.add(event)
    }
}
