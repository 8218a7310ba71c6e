internal import StrictJSON

extension ScopeTextReader {
    mutating func constraint(depth: Int) throws(ScopeError) -> Constraint {
        guard depth <= ScopeLimits.depth else {
            throw ScopeError("too_deep", "constraints are nested deeper than \(ScopeLimits.depth)", position: position)
        }
        if accept("*") { return .wildcard }
        if accept("==") { return try checked(["constraint_type": "exact", "value": value()]) }
        if let range = try range() { return range }
        skipSpace()
        let start = position
        // Neither `=` nor `~` is an operator.
        switch (try? word()) ?? "" {
        case "in": return try checked(["constraint_type": "one_of", "values": array()])
        case "not":
            guard try word() == "in" else { throw error("`not in` was expected", at: start) }
            return try checked(["constraint_type": "not_one_of", "excluded": array()])
        case "contains": return try checked(["constraint_type": "contains", "required": array()])
        case "subset":
            guard try word() == "of" else { throw error("`subset of` was expected", at: start) }
            return try checked(["constraint_type": "subset", "allowed": array()])
        case "under": return try checked(["constraint_type": "path_containment", "root": .string(string())])
        case "like": return try checked(["constraint_type": "glob", "pattern": .string(string())])
        case "number": return try checked(["constraint_type": "range"])
        case "cidr": return try checked(["constraint_type": "cidr", "networks": array()])
        case "uri":
            guard case .value(let json) = try value(), json.kind == .object else {
                throw error("an object in { } was expected")
            }
            var members: JSONTree.Members = ["constraint_type": "uri"]
            for (name, value) in json.members {
                guard !name.equals("constraint_type") else { throw error("uri says its type itself", at: start) }
                members[name.string ?? ""] = .value(value)
            }
            return try checked(.object(members))
        case "decimal":
            var members: JSONTree.Members = ["constraint_type": "decimal_range"]
            if accept(">=") { members["min"] = try value() }
            if accept("<=") { members["max"] = try value() }
            return try checked(.object(members))
        case "each":
            guard accept("(") else { throw error("each(...) was expected", at: start) }
            let clause = try constraint(depth: depth + 1)
            guard accept(")") else { throw error("a ) was expected: each(...) has one constraint, all(...) several") }
            return .each(clause)
        case "members":
            guard accept("(") else { throw error("members(...) was expected", at: start) }
            return .members(MembersConstraint(value: try list(of: .members, depth: depth + 1)))
        case "all": return .all(try clauses(depth: depth))
        case "any": return .any(try clauses(depth: depth))
        default:
            throw error(
                "an operator was expected, one of * == <= >= < > in not contains subset under like uri cidr decimal each members all any number",
                at: start)
        }
    }

    private mutating func clauses(depth: Int) throws(ScopeError) -> [Constraint] {
        guard accept("(") else { throw error("a ( was expected") }
        var clauses: [Constraint] = []
        if accept(")") { throw error("at least one clause is needed") }
        while true {
            clauses.append(try constraint(depth: depth + 1))
            guard clauses.count <= ScopeLimits.constraints else { throw error("too many clauses") }
            if accept(")") { return clauses }
            guard accept(",") else { throw error("a comma or ) was expected") }
        }
    }

    /// One or two bounds: `>= 1 <= 5`.
    private mutating func range() throws(ScopeError) -> Constraint? {
        var members: JSONTree.Members = ["constraint_type": "range"]
        while true {
            let start = (skipSpace(), position).1
            let bound: String
            let isInclusive: Bool
            if accept(">=") {
                (bound, isInclusive) = ("min", true)
            } else if accept("<=") {
                (bound, isInclusive) = ("max", true)
            } else if accept(">") {
                (bound, isInclusive) = ("min", false)
            } else if accept("<") {
                (bound, isInclusive) = ("max", false)
            } else {
                return members.count > 1 ? try checked(.object(members)) : nil
            }
            guard members[bound] == nil else { throw error("a second \(bound) stands here", at: start) }
            members[bound] = try value()
            if !isInclusive { members["\(bound)_inclusive"] = false }
        }
    }

    /// Passes everything through the reader of tokens: only one place defines a constraint.
    private mutating func checked(_ tree: JSONTree) throws(ScopeError) -> Constraint {
        let json: JSON
        do throws(JSON.ParseError) { json = try JSON(parsing: tree.canonical()) } catch {
            throw self.error("this is not a value: \(error)")
        }
        guard work.spend(400 + json.root.sourceLength * 2) else { throw .tooCostly }
        do throws(ScopeError) { return try Constraint(parsing: json.root, within: &work) } catch {
            throw ScopeError(error.name, error.message, position: position)
        }
    }

    private mutating func array() throws(ScopeError) -> JSONTree {
        let value = try value()
        guard case .value(let json) = value, json.kind == .array else { throw error("an array in [ ] was expected") }
        return value
    }

    mutating func string() throws(ScopeError) -> String {
        guard case .value(let json) = try value(), let text = json.string else {
            throw error("a text in quotes was expected")
        }
        return text
    }

    /// A JSON value; strings may be in single quotes.
    private mutating func value() throws(ScopeError) -> JSONTree {
        skipSpace()
        let start = position
        var json: [UInt8] = []
        var depth = 0
        var quote: UInt8?
        scan: while position < bytes.count {
            let byte = bytes[position]
            if let open = quote {
                if byte == UInt8(ascii: "\\"), position + 1 < bytes.count {
                    if bytes[position + 1] != UInt8(ascii: "'") { json.append(byte) }
                    json.append(bytes[position + 1])
                    position += 2
                    continue
                }
                if byte == open {
                    json.append(UInt8(ascii: "\""))
                    quote = nil
                    position += 1
                    if depth == 0 { break scan }
                    continue
                }
                if byte == UInt8(ascii: "\"") { json.append(UInt8(ascii: "\\")) }
                json.append(byte)
            } else {
                switch byte {
                case UInt8(ascii: "\""), UInt8(ascii: "'"):
                    if depth == 0, !json.isEmpty { break scan }
                    quote = byte
                    json.append(UInt8(ascii: "\""))
                case UInt8(ascii: "["), UInt8(ascii: "{"):
                    if depth == 0, !json.isEmpty { break scan }
                    depth += 1
                    json.append(byte)
                case UInt8(ascii: "]"), UInt8(ascii: "}"):
                    guard depth > 0 else { break scan }
                    depth -= 1
                    json.append(byte)
                    if depth == 0 {
                        position += 1
                        break scan
                    }
                case UInt8(ascii: ","), UInt8(ascii: ")"), UInt8(ascii: ";"), UInt8(ascii: " "), UInt8(ascii: "\n"),
                    UInt8(ascii: "\t"),
                    UInt8(ascii: "<"), UInt8(ascii: ">"):
                    guard depth > 0 else { break scan }
                    json.append(byte)
                default: json.append(byte)
                }
            }
            position += 1
        }
        do throws(JSON.ParseError) { return .value(try JSON(parsing: json).root) } catch {
            throw self.error("a JSON value was expected, a text in quotes: \(error.rule)", at: start)
        }
    }
}
