internal import StrictJSON

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
    let bytes: [UInt8]
    var position = 0
    var work = WorkBudget(steps: ScopeLimits.steps)
    /// Whether `*` may stand in the name of a tool, as in the rules of a policy.
    let admitsPatterns: Bool

    init(_ text: String, admitsPatterns: Bool = false) {
        bytes = Array(text.utf8)
        self.admitsPatterns = admitsPatterns
    }

    mutating func scope() throws(ScopeError) -> [ToolScope] {
        // Longer than JSON: what is invisible is written out.
        guard bytes.count <= 1 << 22 else { throw error("a scope's text has at most 4 MiB") }
        var tools: [ToolScope] = []
        skipSpace()
        while position < bytes.count {
            let start = position
            let name = try toolName()
            let map = try arguments(of: name)
            guard !tools.contains(where: { $0.name.isExactly(name) }) else {
                throw ScopeError("malformed_text", "the tool stands here twice", tool: name, position: start)
            }
            guard tools.count < ScopeLimits.tools, (1...ScopeLimits.toolName).contains(name.utf8.count) else {
                throw ScopeError(
                    "limit_exceeded",
                    "at most \(ScopeLimits.tools) tools with names of 1 to \(ScopeLimits.toolName) bytes",
                    position: start)
            }
            tools.append(ToolScope(name: name, map))
            skipSpace()
            guard position < bytes.count else { break }
            guard accept(";") else {
                throw error("a semicolon was expected between tools; a name beyond a-z A-Z 0-9 . _ - / is in quotes")
            }
            skipSpace()
        }
        return tools.sorted { $0.name.isBefore($1.name) }
    }

    private mutating func arguments(of tool: String) throws(ScopeError) -> ConstraintMap {
        guard accept("(") else { return .open }
        do throws(ScopeError) {
            let map = try list(of: .arguments, depth: 1)
            return map.entries.isEmpty ? .open : map
        } catch { throw error.at(tool: tool) }
    }

    /// The kind of names in a list.
    enum Named {
        case arguments, members

        var one: String { self == .arguments ? "argument" : "member" }
    }

    /// Reads a constraint for each name: `path under "/data", head? <= 200, *: *)`. Recurses no deeper than constraints
    /// may nest.
    mutating func list(of named: Named, depth: Int) throws(ScopeError) -> ConstraintMap {
        var entries: [NamedConstraint] = []
        var admitsUnnamed = false
        if accept(")") { return ConstraintMap([], admitsUnnamed: false) }
        while true {
            let start = (skipSpace(), position).1
            if accept("*") {
                guard !admitsUnnamed else { throw error("`*: *` stands here twice", at: start) }
                _ = accept(":")
                guard accept("*") else {
                    throw error(
                        "\(named.one)s that are not named may have any value: `*: *`, or they are not permitted")
                }
                admitsUnnamed = true
            } else {
                let name = try nameOrString()
                guard named == .members || !name.isExactly(ToolScope.unnamed) else {
                    throw error(
                        "an argument called \"*\" cannot be named: `*: *` permits every argument that is not",
                        at: start)
                }
                let isOptional = accept("?")
                _ = accept(":")
                do throws(ScopeError) {
                    let constraint = try constraint(depth: depth)
                    guard !entries.contains(where: { $0.name.isExactly(name) }) else {
                        throw ScopeError("malformed_text", "the \(named.one) stands here twice", position: start)
                    }
                    entries.append(NamedConstraint(name, constraint, isOptional: isOptional))
                } catch { throw named == .arguments ? error.at(argument: name) : error }
            }
            guard entries.count + (admitsUnnamed ? 1 : 0) <= ScopeLimits.constraints else {
                throw ScopeError("limit_exceeded", "at most \(ScopeLimits.constraints) \(named.one)s", position: start)
            }
            if accept(")") { return ConstraintMap(entries, admitsUnnamed: admitsUnnamed) }
            guard accept(",") else { throw error("a comma or ) was expected") }
        }
    }

    /// A tool's name, which is exact in a scope.
    private mutating func toolName() throws(ScopeError) -> String {
        let start = (skipSpace(), position).1
        if admitsPatterns { return try nameOrString(with: UInt8(ascii: "*")) }
        let name = position < bytes.count && bytes[position] == UInt8(ascii: "*") ? "" : try nameOrString()
        guard position == bytes.count || bytes[position] != UInt8(ascii: "*") else {
            throw error(
                "a tool's name has no pattern in a scope: name each tool; `*` stands for names in a policy's rules only",
                at: start)
        }
        return name
    }

    /// - Parameter wild: a byte that may stand in a name beside those that always may.
    mutating func nameOrString(with wild: UInt8? = nil) throws(ScopeError) -> String {
        skipSpace()
        guard position < bytes.count, bytes[position] != UInt8(ascii: "\""), bytes[position] != UInt8(ascii: "'") else {
            return try string()
        }
        return try word(with: wild)
    }

    mutating func word(with wild: UInt8? = nil) throws(ScopeError) -> String {
        skipSpace()
        let start = position
        while position < bytes.count, ScopeTextReader.isNameByte(bytes[position]) || bytes[position] == wild {
            position += 1
        }
        guard position > start else { throw error("a name was expected") }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    /// Whether a byte may be in a name without quotes.
    static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "/"):
            true
        default: false
        }
    }

    /// A name as written: in quotes if it needs them.
    static func spelled(_ name: String) -> String {
        !name.isEmpty && name.utf8.allSatisfy(isNameByte) ? name : PrintableText(.string(name)).string
    }

    mutating func accept(_ token: String) -> Bool {
        skipSpace()
        guard bytes[position...].starts(with: token.utf8) else { return false }
        position += token.utf8.count
        return true
    }

    mutating func skipSpace() {
        while position < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[position]) { position += 1 }
    }

    func error(_ message: String, at place: Int? = nil) -> ScopeError {
        ScopeError("malformed_text", message, position: place ?? position)
    }
}
