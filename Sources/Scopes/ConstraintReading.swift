internal import StrictJSON

extension Constraint {
    /// Reads a constraint from a token (AAT section 3.4). Refuses unknown types, unknown members and malformed values.
    /// Only an entry, the constraint of an argument, may be `optional`: ``isOptional(_:)``.
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
                "unknown_constraint_type",
                "constraint_type is not one that is known here: a restriction that cannot be read is not skipped",
                position: json.position)
        }
        let reader = Members(json: json, kind: kind, isEntry: isEntry)
        if isEntry, let number = json.inexactNumber {
            throw ScopeError(
                "invalid_constraint",
                "\(kind.name): this number has more digits than double precision keeps: write it as a string",
                position: number.position)
        }
        try reader.refuseOthers()
        switch kind {
        case .exact:
            let value = try reader.need("value")
            guard value.kind != .array, value.kind != .object else {
                throw reader.wrong("value must be a string, a number, true, false or null")
            }
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
                throw reader.wrong("root must be an absolute path without NUL and backslash")
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
                throw reader.wrong("networks must hold at least one network, each written as 10.0.0.0/8")
            }
            self = .cidr(CIDRConstraint(value: cidr))
        case .decimalRange:
            let range = DecimalRange(min: try reader.decimal("min"), max: try reader.decimal("max"))
            guard range.min != nil || range.max != nil else { throw reader.wrong("min or max is needed") }
            if let min = range.min, let max = range.max, min.compared(to: max) < 0 {
                throw reader.wrong("min is greater than max")
            }
            self = .decimalRange(DecimalRangeConstraint(value: range))
        case .each:
            let clause = try reader.need("constraint", ofAnyLength: true)
            self = .each(try Constraint(parsing: clause, depth: depth + 1, within: &work))
        case .members:
            self = .members(MembersConstraint(value: try reader.members(depth: depth, within: &work)))
        }
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

        func need(_ name: String, ofAnyLength isLong: Bool = false) throws(ScopeError) -> JSON.Value {
            guard let value = json[name] else { throw wrong("\(name) is missing") }
            guard isLong || value.sourceLength <= ScopeLimits.value || value.kind == .array else {
                throw ScopeError(
                    "limit_exceeded", "\(name) is longer than \(ScopeLimits.value) bytes", position: value.position)
            }
            return value
        }

        func text(_ name: String) throws(ScopeError) -> String {
            guard let text = try need(name).string else { throw wrong("\(name) must be a string") }
            return text
        }

        func values(_ name: String) throws(ScopeError) -> [JSON.Value] {
            let list = try need(name)
            guard list.kind == .array else { throw wrong("\(name) must be an array") }
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
                throw wrong("constraints must be an array of at most \(ScopeLimits.constraints)")
            }
            guard list.count > 0 else { throw wrong("constraints is empty: at least one clause is needed") }
            var clauses: [Constraint] = []
            clauses.reserveCapacity(list.count)
            for element in list.elements {
                clauses.append(try Constraint(parsing: element, depth: depth + 1, within: &work))
            }
            return clauses
        }

        func members(depth: Int, within work: inout WorkBudget) throws(ScopeError) -> ConstraintMap {
            let object = try need("members", ofAnyLength: true)
            guard object.kind == .object, object.count <= ScopeLimits.constraints else {
                throw wrong("members must be an object of at most \(ScopeLimits.constraints)")
            }
            let optional = try json["optional_members"] == nil ? [] : values("optional_members")
            guard optional.count <= object.count, work.spend(object.count * (optional.count + 1) * 4) else {
                throw wrong("optional_members names more than there are")
            }
            var entries: [NamedConstraint] = []
            var found = 0
            for (name, constraint) in object.members {
                guard name.sourceLength <= ScopeLimits.value else {
                    throw ScopeError(
                        "limit_exceeded", "a name is longer than \(ScopeLimits.value) bytes", position: name.position)
                }
                let name = name.string ?? ""
                let isOptional = optional.contains { $0.equals(name) }
                found += isOptional ? 1 : 0
                entries.append(
                    NamedConstraint(
                        name, try Constraint(parsing: constraint, depth: depth + 1, within: &work),
                        isOptional: isOptional))
            }
            guard found == optional.count else {
                throw wrong("optional_members holds what is not in members, or a name twice")
            }
            var others = false
            if let value = json["others"] {
                guard let flag = value.bool else { throw wrong("others must be true or false") }
                others = flag
            }
            return ConstraintMap(entries, admitsUnnamed: others)
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
                guard let text = value.string else { throw wrong("\(name) must hold strings only") }
                texts.append(text)
            }
            return texts
        }

        func uri() throws(ScopeError) -> URIPattern {
            var hosts: [HostPattern]?
            if let texts = try texts("hosts"), !texts.isEmpty {
                hosts = texts.compactMap { HostPattern($0) }
                guard hosts?.count == texts.count else {
                    throw wrong("hosts must hold lower-case names, `*.` with a name, or addresses")
                }
            }
            var ports: [Int]?
            if json["ports"] != nil {
                let values = try values("ports")
                ports = values.compactMap(\.int)
                guard ports?.count == values.count else { throw wrong("ports must hold integers only") }
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
            guard let decimal = Decimal(try text(name)) else {
                throw wrong("\(name) must be a decimal such as \"10.50\"")
            }
            return decimal
        }

        private func number(_ name: String) throws(ScopeError) -> Double? {
            guard let value = json[name] else { return nil }
            guard let number = value.number else { throw wrong("\(name) must be a number") }
            return number
        }

        private func flag(_ name: String, with bound: Double?, _ boundName: String) throws(ScopeError) -> Bool {
            guard let value = json[name] else { return true }
            guard let flag = value.bool else { throw wrong("\(name) must be true or false") }
            guard bound != nil else { throw wrong("\(name) without \(boundName)") }
            return flag
        }

        /// An unknown member may be a restriction that this version does not know: refused, like an unknown type.
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

    /// Whether the argument with this constraint may be left out (AAT section 3.3).
    static func isOptional(_ json: JSON.Value) throws(ScopeError) -> Bool {
        guard let optional = json["optional"] else { return false }
        guard let flag = optional.bool else {
            throw ScopeError("invalid_constraint", "optional must be true or false", position: optional.position)
        }
        return flag
    }

    /// The entry `"*"` is a wildcard, and has no other member (AAT section 3.3).
    static func checkUnnamed(_ json: JSON.Value) throws(ScopeError) {
        guard json["constraint_type"]?.equals(ConstraintKind.wildcard.name) == true, json.count == 1 else {
            throw ScopeError(
                "invalid_constraint",
                "the entry for arguments that are not named is a wildcard, and has no member but constraint_type",
                position: json.position)
        }
    }
}
