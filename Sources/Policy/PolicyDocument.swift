internal import StrictJSON

/// Why the file of a time zone cannot be read now, for people.
package struct ZoneFailure: Error {
    let reason: String

    package init(_ reason: String) { self.reason = reason }
}

/// A policy: what guards enforce beyond the chain, read and checked. Immutable.
package struct PolicyDocument: Sendable {
    /// Counts up from one policy of an authority to the next.
    package let version: Int64
    package let mode: PolicyMode
    package let labels: LabelNames
    /// The keys of those who may approve.
    package let approvers: [Approver]
    /// The types that the results of isolated agents may have.
    package let results: [TypedResult]
    package let rules: [PolicyRule]
    /// The document in canonical form.
    package let bytes: [UInt8]

    /// The file of a time zone's name; `nil` where there is none. Throws where that cannot be read now.
    package typealias Zones = (String) throws(ZoneFailure) -> [UInt8]?

    /// No policy.
    package init() {
        (version, mode, labels, approvers, results, rules, bytes) = (0, .enforce, .none, [], [], [], [])
    }

    /// Reads a policy. Nothing of it is believed unless all of it can be.
    package init(parsing bytes: [UInt8], zones: @escaping Zones) throws(PolicyErrors) {
        let json: JSON
        do throws(JSON.ParseError) { json = try JSON(parsing: bytes, limits: PolicyLimits.document) } catch {
            throw PolicyErrors(
                PolicyError(
                    error.isTooCostly ? "limit_exceeded" : "json", at: "", error.rule,
                    remedy: error.isTooCostly ? "write a smaller policy" : "write JSON", position: error.position))
        }
        var errors: [PolicyError] = []
        let head: Head
        do throws(PolicyError) { head = try Head(json.root) } catch { throw PolicyErrors(error) }
        var rules: [PolicyRule] = []
        var places: [ExactText: Int] = [:]
        for (i, element) in head.rules.enumerated() {
            do throws(PolicyError) {
                let rule = try PolicyRule(
                    parsing: element.0, at: element.path, mode: head.mode, labels: head.labels, zones: zones)
                if let other = places.updateValue(i, forKey: rule.id) {
                    throw PolicyError(
                        "duplicate", at: "\(element.path).id", rule: rule.id.string,
                        "rules[\(other)] has this ID as well", remedy: "give each rule an ID of its own",
                        position: element.0.position)
                }
                rules.append(rule)
            } catch { errors.append(error) }
        }
        if errors.isEmpty { errors = Self.settleLabels(of: &rules, head) + Self.strangers(in: rules, head) }
        if let first = errors.first { throw PolicyErrors(first, Array(errors.dropFirst())) }
        (version, mode, labels, self.rules) = (head.version, head.mode, head.labels, rules)
        (approvers, results) = (head.approvers, head.results)
        self.bytes = JSONTree.value(json.root).canonical()
    }

    /// A label that some rule requires permits, one that some rule refuses restricts: none does both, as what a call
    /// leaves open is read to the safe side.
    private static func settleLabels(of rules: inout [PolicyRule], _ head: Head) -> [PolicyError] {
        var (required, refused): (LabelSet, LabelSet) = ([], [])
        for case .labels(let labels) in rules.map(\.effect) {
            required.formUnion(labels.requires)
            for combination in labels.refuses { refused.formUnion(combination) }
        }
        let both = required.intersection(refused)
        guard both.isEmpty else {
            return [
                PolicyError(
                    "malformed", at: "labels", "one rule requires what another refuses: \(head.labels.text(both))",
                    remedy: "use two labels", position: nil)
            ]
        }
        for i in rules.indices {
            guard case .labels(var labels) = rules[i].effect else { continue }
            labels.permitting = labels.adds.intersection(required)
            rules[i].effect = .labels(labels)
        }
        return []
    }

    /// Approvers that a rule names and nobody has the key of: what they are asked would never be approved.
    private static func strangers(in rules: [PolicyRule], _ head: Head) -> [PolicyError] {
        let known = Set(head.approvers.map(\.name))
        var errors: [PolicyError] = []
        for (rule, element) in zip(rules, head.rules) {
            for (i, name) in (rule.approval?.approvers ?? []).enumerated() where !known.contains(name) {
                errors.append(
                    PolicyError(
                        "unknown_approver", at: "\(element.path).approval.of[\(i)]", rule: rule.id.string,
                        "the policy has no key of this approver",
                        remedy: "add approvers: [{\"name\": ..., \"key\": ...}] to the policy",
                        position: element.0.position))
            }
        }
        return errors
    }

    /// The members besides the rules.
    private struct Head {
        let version: Int64
        let mode: PolicyMode
        let labels: LabelNames
        let approvers: [Approver]
        let results: [TypedResult]
        let rules: [(JSON.Value, path: String)]

        init(_ json: JSON.Value) throws(PolicyError) {
            let reader = try MemberReader(
                json, at: "", knowing: ["version", "mode", "labels", "approvers", "results", "rules", "$schema"])
            if reader["$schema"] != nil { _ = try reader.text("$schema", remedy: "write the schema's URI as a text") }
            version = try reader.integer("version", in: 1...1_000_000_000)
            mode = try reader.choice("mode", else: PolicyMode.enforce)
            labels = try LabelNames(parsing: reader)
            approvers = try Approver.list(of: reader)
            results = try TypedResult.list(of: reader, labels)
            let remedy = "list the policy's rules; an empty list enforces nothing"
            let list = try reader.need("rules", remedy: remedy)
            guard list.kind == .array else {
                throw PolicyError(
                    "malformed", at: "rules", "this is not a list", remedy: remedy, position: list.position)
            }
            guard list.count <= PolicyLimits.rules else {
                throw PolicyError(
                    "limit_exceeded", at: "rules", "these are \(list.count) rules",
                    remedy: "write at most \(PolicyLimits.rules)", position: list.position)
            }
            rules = list.elements.enumerated().map { ($1, "rules[\($0)]") }
        }
    }
}
