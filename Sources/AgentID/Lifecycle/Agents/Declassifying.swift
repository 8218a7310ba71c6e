internal import StrictJSON

// Labels that people took away from an agent: its next grant does not say them.
extension Lifecycle {
    /// A label of a grant that was taken away when the grant had been signed, or in the same second, is left out of the next
    /// one; what was learnt since is in the directory's meters.
    func labelsLeft(of held: HeldGrant, id: String) throws(AgentIDError) -> [String] {
        let labels = held.grant.claim?.labels ?? []
        guard !labels.isEmpty else { return [] }
        let signed = held.grant.issuedAt
        return try registry.read { registry in
            try labels.filter { try registry.declassified($0, of: id) < signed }
        }
    }
}

extension RegistryReader {
    /// When a label was last taken away from an agent, in seconds since 1970; -1: never.
    func declassified(_ label: String, of agent: String) throws(AgentIDError) -> Int64 {
        try counter(DeclassifiedLabel.counter(label, of: agent)) - 1
    }
}

extension RegistryWriter {
    /// Keeps that labels were taken away from an agent at a time, in seconds since 1970.
    func declassify(_ labels: [String], of agent: String, at time: Int64) throws(AgentIDError) {
        for label in labels {
            let name = DeclassifiedLabel.counter(label, of: agent)
            try add(max(time + 1 - counter(name), 0), to: name)
        }
    }
}

private enum DeclassifiedLabel {
    static func counter(_ label: String, of agent: String) -> String { "declassified \(agent) \(label)" }
}
