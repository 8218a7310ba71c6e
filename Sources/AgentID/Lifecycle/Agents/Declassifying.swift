internal import JOSE
internal import StrictJSON

// Labels that people took away from an agent: its next grant does not say them.
extension Lifecycle {
    /// A label of a grant that was the agent's last when the label was taken away is left out of the next one. What a later
    /// grant says was learnt since.
    func labelsLeft(of held: HeldGrant, id: String) throws(AgentIDError) -> [String] {
        let labels = held.grant.claim?.labels ?? []
        guard !labels.isEmpty else { return [] }
        return try registry.read { registry in
            try labels.filter { label in
                let taken = try registry.counter(Declassified.counter(label, of: id))
                if taken < 0 { return taken != Declassified.mark(held.grant.id) }
                // Written by an earlier version: the second after that in which it was taken away. What was learnt in that
                // second stays.
                return taken - 1 <= held.grant.issuedAt
            }
        }
    }
}

extension RegistryWriter {
    /// Keeps that labels were taken away from an agent, and which grant was its last then. A time would not do: a label that
    /// is learnt again may be signed in the same millisecond, or under a clock that was set back.
    func declassify(_ labels: [String], of agent: String) throws(AgentIDError) {
        guard let last = try lastGrants(of: [agent]).first ?? nil else { return }
        for label in labels {
            let name = Declassified.counter(label, of: agent)
            let (change, isTooMuch) = try Declassified.mark(last.id).subtractingReportingOverflow(counter(name))
            guard !isTooMuch else { throw .counterOverflow(name) }
            try add(change, to: name, of: agent, until: .max)
        }
    }
}

private enum Declassified {
    static func counter(_ label: String, of agent: String) -> String { "declassified \(agent) \(label)" }

    /// A grant in a counter. Below zero: an earlier version then keeps the label.
    static func mark(_ grant: String) -> Int64 {
        let hash = Sodium.sha256(Array(grant.utf8).span).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        return -1 - Int64(hash >> 2)
    }
}
