internal import StrictJSON
internal import Synchronization

/// A principal leaves, or a profile is withdrawn: denied at once, everywhere; then all its agents end.
///
/// The revocation records durably that they are to end. If this process cannot end them - a locked registry, a full
/// disk, a kill - it, or the next process that opens the authority, continues until none is left.
extension Lifecycle {
    /// Ends every agent that acts for a principal or is owned by them, and lets no new one start.
    func deprovision(
        principal: String, reason: String, report: (Int) -> Void
    ) throws(AgentIDError) -> Int {
        try AuditBounds.check(reason: reason)
        return try endAll(of: Revocation(.principal, principal), reason: reason, report: report)
    }

    /// Ends every agent of a profile, and lets no new one start.
    func withdraw(profile: String, reason: String, report: (Int) -> Void) throws(AgentIDError) -> Int {
        try AuditBounds.check(reason: reason)
        let revocation = try Revocation(.profile, profile)
        // One that cannot be looked up now is withdrawn all the same.
        let isKnown = try? registry.read { registry in
            try registry.profiles().contains { $0.profile.name.isSame(as: profile) }
                || registry.damagedProfiles().contains { $0.name.isSame(as: profile) }
        }
        guard isKnown ?? true else {
            throw AgentIDError.unknown("profile", profile, ": the list of profiles has the names", at: "name")
        }
        return try endAll(of: revocation, reason: reason, report: report)
    }

    private func endAll(
        of revocation: Revocation, reason: String, report: (Int) -> Void
    ) throws(AgentIDError) -> Int {
        view.revocations.add([revocation])
        callersEndingAll.add(1, ordering: .acquiringAndReleasing)
        defer { callersEndingAll.subtract(1, ordering: .acquiringAndReleasing) }
        try enforce([.endAll(of: revocation)], reason: reason)
        var ended = 0
        do throws(AgentIDError) {
            try write(within: 2000) { _ in }
            ended = try endDeparted(report: report)
            try finish(report: report)
        } catch {
            unfinished.retry(for: self)
            throw error.pending(
                "the \(revocation.kind.name) and all its agents are denied everywhere from now on, but not all of the "
                    + "agents have ended in the registry yet, which is tried again")
        }
        try checkWholeAfterwards()
        return ended
    }

    /// Ends the remaining agents of all that departed. Returns the number ended.
    func endDeparted(report: (Int) -> Void) throws(AgentIDError) -> Int {
        var count = 0
        for departure in try registry.read({ try $0.departures() }) {
            count += try endAgents(of: departure, report: report)
        }
        return count
    }

    private func endAgents(of departure: Departure, report: (Int) -> Void) throws(AgentIDError) -> Int {
        var count = 0
        while true {
            let found = try registry.read { try Self.agents(of: departure, in: $0) }
            guard found.isEmpty else {
                let ended = try end(found, reason: departure.reason)
                count += ended
                report(ended)
                continue
            }
            // Checked again under the lock: a restored registry may have agents that were gone.
            let isOver = try write { registry in
                guard try Self.agents(of: departure, in: registry).isEmpty else { return false }
                try registry.remove(departure)
                return true
            }
            if isOver { return count }
        }
    }

    /// Some agents that have not ended.
    private static func agents(
        of departure: Departure, in registry: any RegistryReader
    ) throws(AgentIDError) -> [String] {
        var (first, second) = (AgentFilter(), AgentFilter())
        var filters: [AgentFilter]
        if departure.revocation.kind == .principal {
            (first.principal, second.owner) = (departure.revocation.value, departure.revocation.value)
            filters = [first, second]
        } else {
            first.profile = departure.revocation.value
            filters = [first]
        }
        for i in filters.indices {
            for state in [AgentRecord.State.active, .parked, .suspended] {
                (filters[i].state, filters[i].limit) = (state, batch)
                let found = try registry.agents(filters[i])
                if !found.isEmpty { return found.map(\.id) }
            }
        }
        return []
    }
}

extension AgentIDError {
    /// An error that says what is in force in spite of it, and what is still to be done.
    func pending(_ what: String) -> AgentIDError {
        let nothing = "; nothing was changed"
        let isSaid = message.utf8.suffix(nothing.utf8.count).elementsEqual(nothing.utf8)
        let reason = isSaid ? String(decoding: message.utf8.dropLast(nothing.utf8.count), as: UTF8.self) : message
        return AgentIDError(code, name: name, message: "\(what): \(reason)", at: place)
    }
}
