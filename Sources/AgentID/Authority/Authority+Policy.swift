internal import Policy
public import Scopes
public import StrictJSON

// What guards of this directory enforce beyond the chain.
extension Authority {
    /// Puts a policy in force, in place of the one before. Every guard that follows this authority, in whatever process,
    /// decides its next call by it; a call under way is decided by the one or by the other, and its decision names which.
    ///
    /// - Parameter document: `docs/policies.md`; its version is above that of the policy in force. The very same document
    ///   may be applied again.
    /// - Returns: its version.
    /// - Throws: where it cannot be read or enforced, with the rule and the place at fault: nothing is changed then;
    ///   `policy_version` where it is not newer, `policy_labels` where a label has another place than before, or is required
    ///   and was not.
    @discardableResult
    public func applyPolicy(_ document: [UInt8]) throws(AgentIDError) -> Int64 {
        try keys.checkOpen()
        try lifecycle.checkWhole()
        let policy: ActivePolicy
        do throws(PolicyErrors) { policy = try ActivePolicy(parsing: document) } catch { throw AgentIDError(error) }
        let now = try clock.now()
        let record = PolicyRecord(version: policy.version, document: policy.document.bytes, appliedAt: now / 1000)
        var event = LifecycleEvent(.policy, at: now)
        event.policy = [
            "version": .int(Int(record.version)), "sha256": .string(AuditCut.hash(record.document.span)),
        ]
        let (applied, recorder) = (event, lifecycle.recorder)
        try lifecycle.write { registry in
            let inForce = try registry.meta().policyVersion
            if record.version == inForce, let known = try registry.policy(inForce),
                known.document.span.hasSameBytes(as: record.document.span)
            {
                return
            }
            guard record.version > inForce, record.version - inForce <= PolicyLimits.step else {
                throw AgentIDError(
                    .state, name: "policy_version",
                    message: "the policy in force has version \(inForce): write \(inForce + 1), and at most "
                        + "\(inForce + PolicyLimits.step): versions are used up", at: "version")
            }
            if let before = try registry.policy(inForce)?.document { try policy.checkSuccession(after: before) }
            try registry.put(record)
            try recorder.record(applied, in: registry)
        }
        // What this process decides next goes by it; others see the announcement at their next call.
        try view.refresh()
        return policy.version
    }

    /// The policy in force, as JSON in canonical form; `nil` where there is none.
    public func policy() throws(AgentIDError) -> [UInt8]? {
        try keys.checkOpen()
        return try registry.read { registry in try registry.policy(try registry.meta().policyVersion)?.document }
    }

    /// Checks a policy against this authority's profiles: see ``PolicyCheck``.
    public func checkPolicy(_ document: [UInt8]) throws(AgentIDError) -> PolicyCheck {
        PolicyCheck(of: document, ceilings: try profiles().map(\.ceiling))
    }
}

/// The errors of a policy, and its rules that never decide anything, before anybody enforces it.
public struct PolicyCheck: Sendable {
    /// `{"version","rules","errors":[...],"findings":[...]}`: `docs/schemas/policy-report.json`.
    public let document: JSONTree
    /// Whether it could be applied.
    public let isApplicable: Bool
    /// One line for each error and each finding, for people.
    public let lines: [String]
    /// The version that it says it is; `nil` where it cannot be read.
    public let version: Int64?

    /// Reads a policy and looks for rules that never decide anything.
    ///
    /// - Parameters:
    ///   - document: the policy as JSON.
    ///   - ceilings: of all profiles: a rule that matches no tool of theirs is found. With none, that is not looked for.
    public init(of document: [UInt8], ceilings: [Scope] = []) {
        let report: PolicyReport
        do throws(PolicyErrors) {
            report = PolicyReport(of: try ActivePolicy(parsing: document).document, ceilings: ceilings)
        } catch { report = PolicyReport(error) }
        (self.document, isApplicable) = (report.tree, report.errors.isEmpty)
        lines =
            report.errors.map(\.description) + report.findings.map { "\($0.description) (\($0.name))" }
        version = report.document?.version
    }

    /// Which rules of a policy a call is about, and what each of them does: `docs/schemas/policy-explanation.json`.
    ///
    /// - Parameters:
    ///   - document: the policy as JSON.
    ///   - tool: the tool's name.
    ///   - arguments: a JSON object.
    public static func explanation(
        of document: [UInt8], tool: String, arguments: [UInt8]
    ) throws(AgentIDError) -> JSONTree {
        let policy: PolicyDocument
        do throws(PolicyErrors) { policy = try ActivePolicy(parsing: document).document } catch {
            throw AgentIDError(error)
        }
        let call: JSON
        do throws(JSON.ParseError) { call = try JSON(parsing: arguments, limits: ScopeLimits.arguments) } catch {
            throw AgentIDError(error, at: "arguments")
        }
        guard call.root.kind == .object else {
            throw AgentIDError(.malformed, name: "arguments", message: "these are not an object", at: "arguments")
        }
        return policy.explanation(of: tool, call.root)
    }
}
