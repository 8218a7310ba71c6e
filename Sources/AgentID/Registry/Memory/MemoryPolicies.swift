// Policies in memory.
extension MemoryTables {
    func policy(_ version: Int64) -> PolicyRecord? { small.policies.first { $0.version == version } }

    func put(_ policy: PolicyRecord) throws(AgentIDError) {
        guard self.policy(policy.version) == nil else { throw .registryConflict("there is a policy of this version") }
        small.policies.append(policy)
        small.policies = small.policies.inOrder { $0.version < $1.version }
        small.policies.removeFirst(max(small.policies.count - Int(PolicyRecord.kept), 0))
        small.meta.policyVersion = policy.version
        _ = announce()
    }
}
