internal import StrictJSON

extension Constraint {
    /// The constraint as tokens carry it.
    var tree: JSONTree { .object(members) }

    /// The constraint of an argument, as tokens carry it.
    func tree(isOptional: Bool) -> JSONTree {
        var members = members
        if isOptional { members["optional"] = true }
        return .object(members)
    }

    private var members: JSONTree.Members {
        let list = { (values: ValueSet) -> JSONTree in .array(values.map { .value($0) }) }
        var members: JSONTree.Members = ["constraint_type": .string(type)]
        switch self {
        case .exact(let value): members["value"] = .value(value)
        case .range(let range):
            if let min = range.value.min { members["min"] = .number(min) }
            if let max = range.value.max { members["max"] = .number(max) }
            if !range.value.minInclusive { members["min_inclusive"] = false }
            if !range.value.maxInclusive { members["max_inclusive"] = false }
        case .oneOf(let values): members["values"] = list(values)
        case .notOneOf(let values): members["excluded"] = list(values)
        case .contains(let values): members["required"] = list(values)
        case .subset(let values): members["allowed"] = list(values)
        case .wildcard: break
        case .all(let clauses), .any(let clauses): members["constraints"] = .array(clauses.map(\.tree))
        case .pathContainment(let path): members["root"] = .string(path.value.root)
        case .glob(let glob): members["pattern"] = .string(glob.value.pattern)
        case .uri(let uri):
            members = members.merging(uri.value.members)
        case .cidr(let cidr): members["networks"] = .array(cidr.value.networks.map { .string($0.text) })
        case .decimalRange(let range):
            if let min = range.value.min { members["min"] = .string(min.text) }
            if let max = range.value.max { members["max"] = .string(max.text) }
        case .each(let clause): members["constraint"] = clause.tree
        case .members(let map): members = members.merging(map.value.members)
        }
        return members
    }
}
