internal import JOSE

extension Scope {
    /// Reads the text form, e.g. `read_file(path under "/data"); search(query: *)`; the grammar is in docs/scopes.md.
    public init(text: String) throws(ScopeError) {
        var reader = ScopeTextReader(text)
        self.init(tools: try reader.scope())
    }

    /// The scope in text form; reads back as the same scope.
    public var text: String { tools.map { $0.text }.joined(separator: "; ") }
}

/// Reads the text form of a scope. The nesting of `all(...)` and `any(...)` is capped as in tokens.
struct ScopeTextReader: ~Copyable {
    private let bytes: [UInt8]
    private var position = 0
    private var work = WorkBudget(steps: ScopeLimits.steps)

    init(_ text: String) { bytes = Array(text.utf8) }

    mutating func scope() throws(ScopeError) -> [ToolScope] {
        guard bytes.count <= 1 << 16 else { throw error("a scope's text has at most 64 KiB") }
        var tools: [ToolScope] = []
        skipSpace()
        while position < bytes.count {
            let start = position
            let name = try nameOrString()
            let arguments = try accept("(") ? list() : []
            guard !tools.contains(where: { $0.name.isExactly(name) }) else {
                throw ScopeError("malformed_text", "the tool stands here twice", tool: name, position: start)
            }
            guard tools.count < ScopeLimits.tools, (1...ScopeLimits.toolName).contains(name.utf8.count) else {
                throw ScopeError(
                    "limit_exceeded",
                    "at most \(ScopeLimits.tools) tools with names of 1 to \(ScopeLimits.toolName) bytes",
                    position: start)
            }
            tools.append(ToolScope(name: name, arguments: arguments))
            skipSpace()
            guard position < bytes.count else { break }
            guard try accept(";") else { throw error("a semicolon was expected between tools") }
            skipSpace()
        }
        return tools.sorted { $0.name.isBefore($1.name) }
    }

    private mutating func list() throws(ScopeError) -> [(name: String, constraint: Constraint)] {
        var arguments: [(name: String, constraint: Constraint)] = []
        if try accept(")") { return arguments }
        while true {
            skipSpace()
            let start = position
            let name = try nameOrString()
            _ = try accept(":")
            let constraint = try constraint(depth: 1)
            guard !arguments.contains(where: { $0.name.isExactly(name) }) else {
                throw ScopeError("malformed_text", "the argument stands here twice", argument: name, position: start)
            }
            guard arguments.count < ScopeLimits.constraints else {
                throw ScopeError("limit_exceeded", "at most \(ScopeLimits.constraints) arguments", position: start)
            }
            arguments.append((name, constraint))
            if try accept(")") { return arguments }
            guard try accept(",") else { throw error("a comma or ) was expected") }
        }
    }

    private mutating func constraint(depth: Int) throws(ScopeError) -> Constraint {
        guard depth <= ScopeLimits.depth else {
            throw ScopeError("too_deep", "constraints are nested deeper than \(ScopeLimits.depth)", position: position)
        }
        if try accept("*") { return .wildcard }
        if try accept("==") { return try checked(["constraint_type": "exact", "value": value()]) }
        if let range = try range() { return range }
        let start = position
        switch try word() {
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
            for (name, value) in json.members where !name.equals("constraint_type") {
                members[name.string ?? ""] = .value(value)
            }
            return try checked(.object(members))
        case "decimal":
            var members: JSONTree.Members = ["constraint_type": "decimal_range"]
            if try accept(">=") { members["min"] = try value() }
            if try accept("<=") { members["max"] = try value() }
            return try checked(.object(members))
        case "all": return .all(try clauses(depth: depth))
        case "any":
            let clauses = try clauses(depth: depth)
            guard !clauses.isEmpty else { throw error("any needs a clause", at: start) }
            return .any(clauses)
        default:
            throw error(
                "an operator was expected: * == <= >= < > in not contains subset under like uri cidr decimal all any number",
                at: start)
        }
    }

    private mutating func clauses(depth: Int) throws(ScopeError) -> [Constraint] {
        guard try accept("(") else { throw error("a ( was expected") }
        var clauses: [Constraint] = []
        if try accept(")") { return clauses }
        while true {
            clauses.append(try constraint(depth: depth + 1))
            guard clauses.count <= ScopeLimits.constraints else { throw error("too many clauses") }
            if try accept(")") { return clauses }
            guard try accept(",") else { throw error("a comma or ) was expected") }
        }
    }

    /// One or two bounds: `>= 1 <= 5`.
    private mutating func range() throws(ScopeError) -> Constraint? {
        var members: JSONTree.Members = ["constraint_type": "range"]
        while true {
            let start = position
            if try accept(">=") {
                members["min"] = try value()
            } else if try accept("<=") {
                members["max"] = try value()
            } else if try accept(">") {
                (members["min"], members["min_inclusive"]) = (try value(), false)
            } else if try accept("<") {
                (members["max"], members["max_inclusive"]) = (try value(), false)
            } else {
                return members.count > 1 ? try checked(.object(members)) : nil
            }
            guard position > start else { return nil }
        }
    }

    /// Everything goes through the reader of tokens: one place knows what a constraint is.
    private mutating func checked(_ tree: JSONTree) throws(ScopeError) -> Constraint {
        let json: JSON
        do throws(JSON.ParseError) { json = try JSON(parsing: tree.canonical()) } catch {
            throw self.error("this is no value: \(error)")
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

    private mutating func string() throws(ScopeError) -> String {
        guard case .value(let json) = try value(), let text = json.string else {
            throw error("a text in quotes was expected")
        }
        return text
    }

    /// A JSON value; strings may stand in single quotes.
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
            throw self.error("a JSON value was expected: \(error.rule)", at: start)
        }
    }

    private mutating func nameOrString() throws(ScopeError) -> String {
        skipSpace()
        guard position < bytes.count, bytes[position] != UInt8(ascii: "\""), bytes[position] != UInt8(ascii: "'") else {
            return try string()
        }
        return try word()
    }

    private mutating func word() throws(ScopeError) -> String {
        skipSpace()
        let start = position
        while position < bytes.count, ScopeTextReader.isNameByte(bytes[position]) { position += 1 }
        guard position > start else { throw error("a name was expected") }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    /// What may stand in a name without quotes.
    static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "/"):
            true
        default: false
        }
    }

    private mutating func accept(_ token: String) throws(ScopeError) -> Bool {
        skipSpace()
        guard bytes[position...].starts(with: token.utf8) else { return false }
        position += token.utf8.count
        return true
    }

    private mutating func skipSpace() {
        while position < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[position]) { position += 1 }
    }

    private func error(_ message: String, at place: Int? = nil) -> ScopeError {
        ScopeError("malformed_text", message, position: place ?? position)
    }
}
