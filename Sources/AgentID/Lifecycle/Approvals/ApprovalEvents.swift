internal import StrictJSON

extension ApprovalDesk {
    /// Records a step of a request, in the transaction that makes it: for the audit log and for hooks. Never the
    /// arguments' values: who is to decide looks the request up.
    static func record(
        _ step: ApprovalStep, of request: ApprovalRecord, by approver: String? = nil, at now: Int64, isLogging: Bool,
        in registry: any RegistryWriter
    ) throws(AgentIDError) {
        var event = LifecycleEvent(.approval, at: now)
        if let agent = try registry.agent(request.agent) { event = LifecycleEvent(.approval, of: agent, at: now) }
        let call = (try? JSON(parsing: request.document))?.root["call"]
        event.agent = request.agent
        event.tool = call?["tool"]?.string
        var approval: JSONTree.Members = [
            "id": .string(request.id), "state": .string(step.rawValue), "by": approver.map { .string($0) } ?? .null,
            "rule": call?["rule"].map { .value($0) } ?? .null, "policy": call?["policy"].map { .value($0) } ?? .null,
            "expires_ms": .int(Int(request.expires)),
        ]
        if let labels = call?["declassifies"] { approval["declassifies"] = .value(labels) }
        event.approval = .object(approval)
        try EventRecorder(isLogging: isLogging).record(event, in: registry)
    }
}
