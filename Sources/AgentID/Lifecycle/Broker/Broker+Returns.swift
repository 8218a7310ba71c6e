internal import Scopes
internal import StrictJSON

/// The return of secrets: each by one thread of all processes at a time, and until its provider has confirmed it.
extension Broker {
    /// The time that a lease is left to a process that has begun to return it, in milliseconds; longer than any command
    /// runs.
    private static var claim: Int64 { 70_000 }
    /// The time in which a secret may still be in the making after its agent ended, in milliseconds: then it is
    /// released once more.
    private static var longestAcquisition: Int64 { 60_000 }

    /// Returns one secret; harmless if it was returned already. If the registry cannot take that down, it is returned when
    /// it can.
    func release(_ id: String) throws(AgentIDError) {
        let found: BrokerLeaseRecord?
        do throws(AgentIDError) {
            // Taken at once: what another process had begun would be answered as done.
            let until = clock.milliseconds + Self.claim
            found = try registry.write { registry -> BrokerLeaseRecord? in
                guard var lease = try registry.brokerLease(id) else { return nil }
                (lease.state, lease.nextAt) = (.releasing, until)
                try registry.put(lease)
                return lease
            }
        } catch {
            if (try? registry.read({ try $0.brokerLease(id) })) ?? nil != nil {
                unclaimed.withLock { _ = $0.insert(id.exact) }
            }
            throw error
        }
        if let lease = found, let failure = try attemptRelease(lease, isTaken: true) {
            throw AgentIDError(
                .state, name: "provider_failed",
                message: "the secret is not returned yet, it is tried again: \(failure)",
                at: "lease")
        }
    }

    /// Makes those due that were to be returned when the registry could not take that down.
    private func claimLater() throws(AgentIDError) {
        let now = clock.milliseconds
        for id in unclaimed.withLock({ $0 }) {
            try registry.write { registry in
                guard var lease = try registry.brokerLease(id.string), lease.state != .releasing else { return }
                (lease.state, lease.nextAt) = (.releasing, now)
                try registry.put(lease)
            }
            unclaimed.withLock { _ = $0.remove(id) }
        }
    }

    /// Returns due secrets: of agents that ended, past their time, or after a failure. Returns their number.
    ///
    /// Those of each provider are returned by a thread of their own, and after five seconds this goes on without whoever
    /// hangs: a provider that is dead or slow delays no other, and no end of an agent.
    @discardableResult func releaseDue() throws(AgentIDError) -> Int {
        try recordOutcomes()
        try claimLater()
        let now = clock.milliseconds
        // A guard returns those of its own providers.
        let own = source.map { _ in added.withLock { Set($0.keys) } }
        let due = try registry.read { registry in
            try registry.brokerLeases(dueBy: now, steady.now, limit: .max)
        }.filter { own?.contains($0.provider.exact) ?? true }
        let kinds = Dictionary(grouping: due) { ([$0.provider] + $0.releaseCommand).map(\.exact) }
        let work = Monitor(Round(open: 0, returned: 0, fault: nil))
        for (kind, leases) in kinds {
            if let first = leases.first, let hindrance = hindrance(to: first) {
                do throws(AgentIDError) {
                    for lease in leases { try leave(lease, hindrance) }
                } catch { work.change { $0.fault = error } }
                continue
            }
            guard begin(kind) else { continue }
            work.change { $0.open += 1 }
            let run: @Sendable () -> Void = { [self] in
                defer { under.withLock { _ = $0.remove(kind) } }
                for lease in leases {
                    do throws(AgentIDError) {
                        let isReturned = try attemptRelease(lease) == nil
                        work.change { $0.returned += isReturned ? 1 : 0 }
                    } catch { work.change { $0.fault = error } }
                }
                work.change { $0.open -= 1 }
            }
            do throws(AgentIDError) {
                try BackgroundThread.start(name: "agentid-return") { _ in run() }.abandon()
            } catch { run() }
        }
        let done = work.wait(milliseconds: Self.patience) { $0.open == 0 ? $0 : nil } ?? work.change { $0 }
        if let fault = done.fault { throw fault }
        return done.returned
    }

    private struct Round: Sendable {
        /// Threads under way.
        var open: Int
        var returned: Int
        var fault: AgentIDError?
    }

    /// The longest wait for providers that return secrets, in milliseconds; and the threads that they may hang at a time.
    private static let (patience, mostThreads) = (5000, 16)
    /// The most threads that return the secrets of one agent each that ended; those of more agents wait for the next return of
    /// due ones: a provider that hangs takes no thread for every agent.
    static let mostEnding = 64

    /// Whether this process may begin to return secrets of a kind: nobody is at it.
    private func begin(_ kind: [ExactText]) -> Bool {
        under.withLock { $0.count < Self.mostThreads && $0.insert(kind).inserted }
    }

    /// Returns the secrets of an agent that ended, and of all below it, or waits for the thread that is returning them.
    /// After this many milliseconds it goes on without the caller; if no thread is available for that, the secrets wait for
    /// the next return of due ones.
    ///
    /// - Throws: the registry's failure, if it did not take down what was returned.
    func release(below agent: String, within milliseconds: Int) throws(AgentIDError) {
        try recordOutcomes()
        let now = clock.milliseconds
        let held = try registry.read { registry in
            try registry.subtree(of: agent).flatMap { try registry.brokerLeases(of: $0.id, limit: 1000) }
        }
        let due = inHand.change { inHand in
            held.filter {
                ($0.isDue(at: now) || inHand.contains($0.id.exact)) && $0.isOver(at: now, steady.now)
            }
        }
        guard !due.isEmpty, mayBeginEnding() else { return }
        let work = Monitor(Round(open: 1, returned: 0, fault: nil))
        let started = try? BackgroundThread.start(name: "agentid-return") { [self] _ in
            for lease in due {
                do throws(AgentIDError) { _ = try attemptRelease(lease) } catch { work.change { $0.fault = error } }
            }
            ending.withLock { $0 -= 1 }
            work.change { $0.open = 0 }
        }
        guard let thread = started else { return ending.withLock { $0 -= 1 } }
        _ = work.wait(milliseconds: milliseconds) { $0.open == 0 ? true : nil }
        thread.abandon()
        if let fault = work.change({ $0.fault }) { throw fault }
        // Of another thread.
        try recordOutcomes()
    }

    private func mayBeginEnding() -> Bool {
        ending.withLock { ending in
            guard ending < Self.mostEnding else { return false }
            ending += 1
            return true
        }
    }

    /// Leaves a lease to this process for a while; `false` if another has begun to return it, or it is gone.
    private func take(_ lease: BrokerLeaseRecord) throws(AgentIDError) -> Bool {
        let now = clock.milliseconds
        return try registry.write { registry in
            guard var found = try registry.brokerLease(lease.id), found.isDue(at: now) else { return false }
            if found.state == .held { found.state = .releasing }
            found.nextAt = now + Self.claim
            try registry.put(found)
            return true
        }
    }

    /// The error; `nil` if the lease is gone, or another process is about to return it.
    func attemptRelease(
        _ lease: BrokerLeaseRecord, isTaken: Bool = false
    ) throws(AgentIDError) -> String? {
        if !isTaken {
            if let hindrance = hindrance(to: lease) {
                try leave(lease, hindrance)
                return hindrance
            }
            // One thread at a time: until it is done, another would take its lease for returned.
            _ = inHand.wait { $0.insert(lease.id.exact).inserted ? true : nil }
        }
        defer { if !isTaken { inHand.change { _ = $0.remove(lease.id.exact) } } }
        if !isTaken, try !take(lease) { return nil }
        var (failure, isElsewhere): (String?, Bool) = (nil, false)
        do {
            if let hindrance = hindrance(to: lease) {
                (failure, isElsewhere) = (hindrance, true)
            } else if let provider = added.withLock({ $0[lease.provider.exact]?.provider }) {
                try provider.release(SecretRelease(lease))
            } else {
                try run(lease.releaseCommand, SecretRelease(lease).document.text)
            }
        } catch { failure = "\(error)" }
        let outcome = Outcome(
            lease: lease.id, failure: failure.map { $0.prefix(bytes: 1000) }, isElsewhere: isElsewhere)
        do throws(AgentIDError) { try record(outcome) } catch {
            unrecorded.withLock { $0.append(outcome) }
            throw error
        }
        return outcome.failure
    }

    /// Why this process returns no secret of this kind.
    private func hindrance(to lease: BrokerLeaseRecord) -> String? {
        // Its program may be about to unload the provider: whoever has it next returns the secret.
        if returning.withLock({ $0.isStopped }) { return "this process has closed what returns secrets" }
        guard lease.releaseCommand.isEmpty, added.withLock({ $0[lease.provider.exact] == nil }) else { return nil }
        return "no provider named \(lease.provider) in this process, and no command that releases for it"
    }

    /// Says of a secret that is due why it was not returned, and leaves it to whoever can: it is due still.
    private func leave(_ lease: BrokerLeaseRecord, _ hindrance: String) throws(AgentIDError) {
        // Said twice, it is known to last.
        guard lease.attempts < 2 else { return }
        let now = clock.milliseconds
        try registry.write { registry in
            guard var found = try registry.brokerLease(lease.id), found.isDue(at: now), found.attempts < 2 else {
                return
            }
            if found.state == .held { found.state = .releasing }
            found.attempts &+= 1
            found.error = found.error ?? hindrance.prefix(bytes: 1000)
            try registry.put(found)
        }
    }

    /// The outcome of an attempt to return a secret.
    final class Outcome: Sendable {
        let lease: String
        /// `nil` if its provider confirmed that nothing is left.
        let failure: String?
        /// Whether only another process can return it.
        let isElsewhere: Bool

        init(lease: String, failure: String?, isElsewhere: Bool) {
            (self.lease, self.failure, self.isElsewhere) = (lease, failure, isElsewhere)
        }
    }

    private func record(_ outcome: Outcome) throws(AgentIDError) {
        let now = clock.milliseconds
        try registry.write { registry in
            guard var lease = try registry.brokerLease(outcome.lease) else { return }
            guard let failure = outcome.failure else {
                // The acquiring process may still create the secret and then crash, so it is checked again later.
                let until = lease.acquired &+ Self.longestAcquisition
                guard lease.state == .acquiring, now < until, lease.acquired <= now else {
                    return try registry.removeBrokerLease(lease.id)
                }
                lease.nextAt = until
                return try registry.put(lease)
            }
            if lease.state == .held { lease.state = .releasing }
            lease.attempts &+= 1
            // A process that has the provider is not kept from it by those that do not.
            lease.nextAt = now + (outcome.isElsewhere ? 0 : RetryDelay.milliseconds(afterAttempts: lease.attempts))
            lease.error = failure
            try registry.put(lease)
        }
    }

    /// Takes down what the registry failed to, if it can now.
    private func recordOutcomes() throws(AgentIDError) {
        for outcome in unrecorded.withLock({ $0 }) {
            try record(outcome)
            unrecorded.withLock { $0.removeAll { $0 === outcome } }
        }
    }
}

extension SecretRelease {
    init(_ lease: BrokerLeaseRecord) {
        self.init(lease: lease.id, agent: lease.agent, resource: lease.resource)
    }
}
