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
            let before = try registry.policyInForce()
            if policy.isSame(as: before) { return }
            do throws(PolicyError) { try policy.checkSuccession(after: before) } catch {
                throw AgentIDError(PolicyErrors(error), code: .state)
            }
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

    /// Checks a policy against this authority's profiles, and against the policy in force, after which it is to come: see
    /// ``PolicyCheck``.
    public func checkPolicy(_ document: [UInt8]) throws(AgentIDError) -> PolicyCheck {
        let before = try registry.read { registry in try registry.policyInForce() }
        return PolicyCheck(of: document, ceilings: try profiles().map(\.ceiling), after: before)
    }
}

extension RegistryReader {
    /// The policy in force, of the version 0 where there is none; without its document where that is lost.
    fileprivate func policyInForce() throws(AgentIDError) -> PolicyRecord {
        let version = try meta().policyVersion
        return try policy(version) ?? PolicyRecord(version: version, document: [], appliedAt: 0)
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
        self.init(of: document, ceilings: ceilings, after: nil)
    }

    /// - Parameter before: the policy in force.
    init(of document: [UInt8], ceilings: [Scope], after before: PolicyRecord?) {
        let report: PolicyReport
        do throws(PolicyErrors) {
            let policy = try ActivePolicy(parsing: document)
            var errors: [PolicyError] = []
            do throws(PolicyError) { if let before { try policy.checkSuccession(after: before) } } catch {
                errors.append(error)
            }
            report = PolicyReport(of: policy.document, ceilings: ceilings, errors: errors)
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
