internal import JOSE

extension Constraint {
    /// Reads a constraint from a token (AAT section 3.4); unknown types and members are refused, and so is what is not
    /// well-formed. Only what stands under the name of an argument, an entry, may be `optional`: ``isOptional(_:)``.
    init(
        parsing json: JSON.Value, asEntry isEntry: Bool = false, depth: Int = 1, within work: inout WorkBudget
    ) throws(ScopeError) {
        guard depth <= ScopeLimits.depth else {
            throw ScopeError(
                "too_deep", "constraints are nested deeper than \(ScopeLimits.depth)", position: json.position)
        }
        guard work.spend(64 + json.count * 8) else { throw .tooCostly }
        guard let type = json["constraint_type"], type.kind == .string else {
            throw ScopeError(
                "invalid_constraint", "a constraint is an object with a constraint_type", position: json.position)
        }
        guard let kind = ConstraintKind(named: type) else {
            throw ScopeError(
                "unknown_constraint_type", "there is no constraint type of this name here", position: json.position)
        }
        let reader = Members(json: json, kind: kind, isEntry: isEntry)
        if isEntry, let number = json.inexactNumber {
            throw ScopeError(
                "invalid_constraint",
                "\(kind.name): this number has more digits than double precision keeps: write it as a string",
                position: number.position)
        }
        switch kind {
        case .exact:
            let value = try reader.need("value")
            guard value.kind != .array, value.kind != .object else { throw reader.wrong("value is no scalar") }
            self = .exact(value)
        case .range: self = .range(NumberRangeConstraint(value: try reader.range()))
        case .oneOf:
            let values = try reader.set("values", within: &work)
            guard !values.isEmpty else {
                throw reader.wrong("values is empty: to permit no value, leave the tool out")
            }
            self = .oneOf(values)
        case .notOneOf: self = .notOneOf(try reader.set("excluded", within: &work))
        case .contains: self = .contains(try reader.set("required", within: &work))
        case .subset: self = .subset(try reader.set("allowed", within: &work))
        case .wildcard: self = .wildcard
        case .all: self = .all(try reader.clauses(depth: depth, within: &work))
        case .any: self = .any(try reader.clauses(depth: depth, within: &work))
        case .pathContainment:
            guard let path = PathContainment(root: try reader.text("root")) else {
                throw reader.wrong("root is no absolute path without NUL and backslash")
            }
            self = .pathContainment(PathContainmentConstraint(value: path))
        case .glob:
            guard let glob = Glob(pattern: try reader.text("pattern")) else {
                throw reader.wrong("a pattern has at most \(Glob.longestPattern) bytes")
            }
            self = .glob(GlobConstraint(value: glob))
        case .uri: self = .uri(URIConstraint(value: try reader.uri()))
        case .cidr:
            guard let cidr = CIDR(try reader.texts("networks") ?? []) else {
                throw reader.wrong("networks holds none, or one that is no network such as 10.0.0.0/8")
            }
            self = .cidr(CIDRConstraint(value: cidr))
        case .decimalRange:
            let range = DecimalRange(min: try reader.decimal("min"), max: try reader.decimal("max"))
            guard range.min != nil || range.max != nil else { throw reader.wrong("min or max is needed") }
            if let min = range.min, let max = range.max, min.compared(to: max) < 0 {
                throw reader.wrong("min is greater than max")
            }
            self = .decimalRange(DecimalRangeConstraint(value: range))
        }
        try reader.refuseOthers()
        guard work.spend(json.sourceLength >> 2) else { throw .tooCostly }
    }

    /// The members of one constraint.
    private struct Members {
        let json: JSON.Value
        let kind: ConstraintKind
        let isEntry: Bool

        func wrong(_ message: String) -> ScopeError {
            ScopeError("invalid_constraint", "\(kind.name): \(message)", position: json.position)
        }

        func need(_ name: String) throws(ScopeError) -> JSON.Value {
            guard let value = json[name] else { throw wrong("\(name) is missing") }
            guard value.sourceLength <= ScopeLimits.value || value.kind == .array else {
                throw ScopeError(
                    "limit_exceeded", "\(name) is longer than \(ScopeLimits.value) bytes", position: value.position)
            }
            return value
        }

        func text(_ name: String) throws(ScopeError) -> String {
            guard let text = try need(name).string else { throw wrong("\(name) is no string") }
            return text
        }

        func values(_ name: String) throws(ScopeError) -> [JSON.Value] {
            let list = try need(name)
            guard list.kind == .array else { throw wrong("\(name) is no array") }
            guard list.count <= ScopeLimits.members else {
                throw ScopeError(
                    "limit_exceeded", "\(name) has more than \(ScopeLimits.members) members", position: list.position)
            }
            for element in list.elements where element.sourceLength > ScopeLimits.value {
                throw ScopeError(
                    "limit_exceeded", "a value is longer than \(ScopeLimits.value) bytes", position: element.position)
            }
            return Array(list.elements)
        }

        func set(_ name: String, within work: inout WorkBudget) throws(ScopeError) -> ValueSet {
            let set = ValueSet(try values(name), within: &work)
            guard !work.isExhausted else { throw .tooCostly }
            return set
        }

        func clauses(depth: Int, within work: inout WorkBudget) throws(ScopeError) -> [Constraint] {
            let list = try need("constraints")
            guard list.kind == .array, list.count <= ScopeLimits.constraints else {
                throw wrong("constraints is no array of at most \(ScopeLimits.constraints)")
            }
            guard list.count > 0 else { throw wrong("constraints is empty: at least one clause is needed") }
            var clauses: [Constraint] = []
            clauses.reserveCapacity(list.count)
            for element in list.elements {
                clauses.append(try Constraint(parsing: element, depth: depth + 1, within: &work))
            }
            return clauses
        }

        func range() throws(ScopeError) -> NumberRange {
            var range = NumberRange()
            (range.min, range.max) = (try number("min"), try number("max"))
            range.minInclusive = try flag("min_inclusive", with: range.min, "min")
            range.maxInclusive = try flag("max_inclusive", with: range.max, "max")
            if let min = range.min, let max = range.max, min > max { throw wrong("min is greater than max") }
            return range
        }

        func texts(_ name: String) throws(ScopeError) -> [String]? {
            guard json[name] != nil else { return nil }
            var texts: [String] = []
            for value in try values(name) {
                guard let text = value.string else { throw wrong("\(name) holds what is no string") }
                texts.append(text)
            }
            return texts
        }

        func uri() throws(ScopeError) -> URIPattern {
            var hosts: [HostPattern]?
            if let texts = try texts("hosts"), !texts.isEmpty {
                hosts = texts.compactMap { HostPattern($0) }
                guard hosts?.count == texts.count else {
                    throw wrong("hosts holds what is no lower-case name, `*.` with a name, or address")
                }
            }
            var ports: [Int]?
            if json["ports"] != nil {
                let values = try values("ports")
                ports = values.compactMap(\.int)
                guard ports?.count == values.count else { throw wrong("ports holds what is no integer") }
            }
            for name in ["hosts", "ports"] where json[name]?.count == 0 { throw wrong("\(name) is empty") }
            let path = try json["path"] == nil ? nil : text("path")
            guard let uri = URIPattern(schemes: try texts("schemes"), hosts: hosts, ports: ports, path: path) else {
                throw wrong(
                    "one of schemes (lower-case), hosts, ports (1 to 65535) and path (absolute, plain) is needed, none empty"
                )
            }
            return uri
        }

        func decimal(_ name: String) throws(ScopeError) -> Decimal? {
            guard json[name] != nil else { return nil }
            guard let decimal = Decimal(try text(name)) else { throw wrong("\(name) is no decimal such as \"10.50\"") }
            return decimal
        }

        private func number(_ name: String) throws(ScopeError) -> Double? {
            guard let value = json[name] else { return nil }
            guard let number = value.number else { throw wrong("\(name) is no number") }
            return number
        }

        private func flag(_ name: String, with bound: Double?, _ boundName: String) throws(ScopeError) -> Bool {
            guard let value = json[name] else { return true }
            guard let flag = value.bool else { throw wrong("\(name) is neither true nor false") }
            guard bound != nil else { throw wrong("\(name) without \(boundName)") }
            return flag
        }

        /// An unknown member may be a restriction this version does not know: refused, like an unknown type.
        func refuseOthers() throws(ScopeError) {
            for member in json.members {
                let isKnown =
                    member.name.equals("constraint_type") || kind.members.contains { member.name.equals($0) }
                    || isEntry && member.name.equals("optional")
                guard isKnown else {
                    let rule =
                        member.name.equals("optional")
                        ? "only the constraint of an argument may be optional, not one inside another"
                        : "there is no member \((member.name.string ?? "").beginning(atMost: 64).printable)"
                    throw ScopeError("invalid_constraint", "\(kind.name): \(rule)", position: member.name.position)
                }
            }
        }
    }

    /// Whether an argument that is so constrained may be left out (AAT section 3.3).
    static func isOptional(_ json: JSON.Value) throws(ScopeError) -> Bool {
        guard let optional = json["optional"] else { return false }
        guard let flag = optional.bool else {
            throw ScopeError("invalid_constraint", "optional is neither true nor false", position: optional.position)
        }
        return flag
    }

    /// What stands under `"*"` is a wildcard, and has no other member (AAT section 3.3).
    static func checkUnnamed(_ json: JSON.Value) throws(ScopeError) {
        guard json["constraint_type"]?.equals(ConstraintKind.wildcard.name) == true, json.count == 1 else {
            throw ScopeError(
                "invalid_constraint",
                "the entry for arguments that are not named is a wildcard, and has no member but constraint_type",
                position: json.position)
        }
    }

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
        }
        return members
    }
}
