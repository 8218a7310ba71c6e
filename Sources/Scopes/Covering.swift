internal import JOSE

/// Grows to permit what each of the scopes it was told of permits, and as little more as can be written: what was seen,
/// never what anyone may do. The way from here to authority is ``bounded(by:)``, an intersection.
///
/// The arguments of a tool are joined one by one, so a call may combine what different scopes permitted.
package struct Covering: Sendable {
    private enum Tool {
        /// Tools that constrain different arguments, or none, have no closed one above them.
        case open
        case closed([(name: String, alternatives: Alternatives)])
    }

    private var tools: [String: Tool] = [:]

    package init() {}

    /// Adds what a tool permits.
    package mutating func add(_ tool: ToolScope) {
        switch tools[tool.name] {
        case .open: return
        case nil where !tool.isOpen:
            tools[tool.name] = .closed(tool.arguments.map { ($0.name, Alternatives($0.constraint)) })
        case .closed(var arguments)
        where arguments.count == tool.arguments.count
            && zip(arguments, tool.arguments).allSatisfy { $0.name.isExactly($1.name) }:
            // Out of the dictionary while it changes, or every addition would copy it.
            tools[tool.name] = .open
            for i in arguments.indices { arguments[i].alternatives.add(tool.arguments[i].constraint) }
            tools[tool.name] = .closed(arguments)
        case nil, .closed: tools[tool.name] = .open
        }
    }

    /// What was added, as far as `ceiling` has it; below it by the draft's table. A tool of which the ceiling has nothing
    /// drops out.
    package func bounded(by ceiling: Scope) -> Scope {
        let limit = ceiling.normalized
        return Scope(
            tools: limit.tools.compactMap { own in
                guard let seen = tools[own.name] else { return nil }
                guard case .closed(let arguments) = seen else { return own }
                let closed = ToolScope(
                    name: own.name, arguments: arguments.map { ($0.name, $0.alternatives.constraint) })
                let narrower: ToolScope
                do throws(ScopeError) { narrower = try own.narrowed(to: closed) } catch {
                    return error.name == "empty_intersection" ? nil : own
                }
                // What could not be read back, too deep or too long, is no scope: then nothing smaller than the ceiling.
                let tree = JSONTree.members([(own.name, narrower.tree)])
                guard let json = try? JSON(parsing: tree.canonical()), let read = try? Scope(parsing: json.root),
                    limit.subsumes(read), let tool = read.tools.first
                else { return own }
                return tool
            })
    }
}

/// Constraints on one argument, none of them below another.
private struct Alternatives: Sendable {
    /// `nil` where they are too many to be written.
    private var clauses: [Constraint]? = []

    init(_ first: Constraint) { add(first) }

    mutating func add(_ constraint: Constraint) {
        let values = constraint.listed
        let constraint = values.map(Constraint.list) ?? constraint.normalized
        guard let clauses, !clauses.contains(where: { Subsumption(of: constraint, under: $0) == .below }) else {
            return
        }
        var kept = clauses.filter { Subsumption(of: $0, under: constraint) != .below }
        if let values, let i = kept.firstIndex(where: { $0.listed != nil }),
            let all = kept[i].listed?.union(values), all.count <= ScopeLimits.members
        {
            kept[i] = .list(all)
        } else {
            kept.append(constraint)
        }
        self.clauses = kept.count <= ScopeLimits.constraints ? kept : nil
    }

    /// `any` of them.
    var constraint: Constraint {
        guard let clauses, let first = clauses.first else { return .wildcard }
        guard clauses.count > 1 else { return first }
        let bare = clauses.map { $0.clauses.count == 1 ? $0.clauses[0] : $0 }
        let keyed = bare.map { (key: $0.tree.text, clause: $0) }
        return .any(keyed.sorted { $0.key.isBefore($1.key) }.map(\.clause))
    }
}

extension Constraint {
    /// The only values that satisfy the constraint, where it names any.
    fileprivate var listed: ValueSet? {
        for clause in clauses {
            let values: ValueSet
            switch clause {
            case .exact(let value): values = ValueSet([value])
            case .oneOf(let several): values = several
            default: continue
            }
            let rest = values.filter { permits($0) }
            return rest.isEmpty ? nil : rest
        }
        return nil
    }

    fileprivate static func list(_ values: ValueSet) -> Constraint {
        .all([values.count == 1 ? .exact(values.values[0]) : .oneOf(values)])
    }
}

extension Scope {
    /// Whether a tool is provably below this scope's of the same name.
    package func covers(_ tool: ToolScope) -> Bool { normalized.subsumes(Scope(tools: [tool.normalized])) }
}
