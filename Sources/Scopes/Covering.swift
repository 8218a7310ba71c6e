internal import StrictJSON

/// The smallest scope we can express that permits everything the added scopes permit. It records what was seen, not
/// what anyone may do: ``bounded(by:)``, an intersection, turns it into authority.
///
/// The arguments of a tool are joined one by one, so a call may combine what different scopes permitted.
package struct Covering: Sendable {
    private struct Tool {
        struct Argument {
            let name: String
            var alternatives: Alternatives
            var isOptional: Bool
        }

        var arguments: [Argument]
        var admitsUnnamed: Bool

        init(_ map: ConstraintMap) {
            arguments = map.entries.map {
                Argument(name: $0.name, alternatives: Alternatives($0.constraint), isOptional: $0.isOptional)
            }
            admitsUnnamed = map.admitsUnnamed
        }

        /// A side that admits unnamed arguments permits any value of them: such a name is dropped. A name that one side
        /// forbids becomes optional.
        mutating func add(_ map: ConstraintMap) {
            var joined: [Argument] = []
            var (i, j) = (0, 0)
            while i < arguments.count || j < map.entries.count {
                let theirs = j < map.entries.count ? map.entries[j] : nil
                if i < arguments.count, theirs.map({ !$0.name.isBefore(arguments[i].name) }) ?? true {
                    var own = arguments[i]
                    i += 1
                    if let theirs, theirs.name.isExactly(own.name) {
                        j += 1
                        own.alternatives.add(theirs.constraint)
                        own.isOptional = own.isOptional || theirs.isOptional
                    } else {
                        guard !map.admitsUnnamed else { continue }
                        own.isOptional = true
                    }
                    joined.append(own)
                } else if let theirs {
                    j += 1
                    guard !admitsUnnamed else { continue }
                    let alternatives = Alternatives(theirs.constraint)
                    joined.append(Argument(name: theirs.name, alternatives: alternatives, isOptional: true))
                }
            }
            admitsUnnamed = admitsUnnamed || map.admitsUnnamed
            // More cannot be expressed.
            if joined.count >= ScopeLimits.constraints { (joined, admitsUnnamed) = ([], true) }
            arguments = joined
        }

        var map: ConstraintMap {
            ConstraintMap(
                arguments.map { NamedConstraint($0.name, $0.alternatives.constraint, isOptional: $0.isOptional) },
                admitsUnnamed: admitsUnnamed)
        }
    }

    private var tools: [Tool] = []
    private var places: [ExactText: Int] = [:]

    package init() {}

    /// Adds one tool's scope.
    package mutating func add(_ tool: ToolScope) {
        guard let place = places[tool.name.exact] else {
            places[tool.name.exact] = tools.count
            return tools.append(Tool(tool.map))
        }
        tools[place].add(tool.map)
    }

    /// The intersection with `ceiling`, which is below it under the draft's table. A tool of which the ceiling permits
    /// nothing is left out.
    package func bounded(by ceiling: Scope) -> Scope {
        // A ceiling that is too costly to compare with anything bounds nothing further.
        guard let limit = try? ceiling.normalized() else { return ceiling }
        return Scope(
            tools: limit.tools.compactMap { own in
                guard let place = places[own.name.exact] else { return nil }
                let seen = ToolScope(name: own.name, tools[place].map)
                let narrower: ToolScope
                var work = WorkBudget(steps: ScopeLimits.steps)
                do throws(ScopeError) { narrower = try own.narrowed(to: seen, within: &work) } catch {
                    return error.name.isExactly("empty_intersection") ? nil : own
                }
                // A scope too deep or too long to be read back is not a scope: then nothing is smaller.
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
    /// `nil` if they are too many to be written.
    private var clauses: [Constraint]? = []

    init(_ first: Constraint) { add(first) }

    mutating func add(_ constraint: Constraint) {
        guard let clauses else { return }
        var work = WorkBudget(steps: ScopeLimits.steps)
        let kept = Self.joined(clauses, constraint, within: &work)
        self.clauses = work.isExhausted || kept.count > ScopeLimits.constraints ? nil : kept
    }

    private static func joined(
        _ clauses: [Constraint], _ constraint: Constraint, within work: inout WorkBudget
    ) -> [Constraint] {
        let values = constraint.listed(within: &work)
        guard let constraint = values.map({ .list($0, within: &work) }) ?? (try? constraint.normalized(within: &work))
        else { return clauses }
        var kept: [Constraint] = []
        for known in clauses {
            if Subsumption(of: constraint, under: known, within: &work) == .below { return clauses }
            if Subsumption(of: known, under: constraint, within: &work) != .below { kept.append(known) }
        }
        if let values {
            for i in kept.indices {
                guard let listed = kept[i].listed(within: &work) else { continue }
                let all = listed.union(values, within: &work)
                guard all.count <= ScopeLimits.members else { break }
                kept[i] = .list(all, within: &work)
                return kept
            }
        }
        return kept + [constraint]
    }

    /// `any` of them.
    var constraint: Constraint {
        guard let clauses, let first = clauses.first else { return .wildcard }
        guard clauses.count > 1 else { return first }
        var work = WorkBudget(steps: ScopeLimits.steps)
        let bare = clauses.map { clause in
            let parts = clause.clauses
            return parts.count == 1 ? parts[0] : clause
        }
        return (try? Constraint.ordered(bare, within: &work)).map { .any($0) } ?? .wildcard
    }
}

extension Constraint {
    /// The only values that satisfy the constraint, if it lists any.
    fileprivate func listed(within work: inout WorkBudget) -> ValueSet? {
        for clause in clauses {
            let values: ValueSet
            switch clause {
            case .exact(let value): values = ValueSet([value], within: &work)
            case .oneOf(let several): values = several
            default: continue
            }
            let rest = values.filter(within: &work) { permits($0, within: &$1) }
            return rest.isEmpty ? nil : rest
        }
        return nil
    }

    fileprivate static func list(_ values: ValueSet, within work: inout WorkBudget) -> Constraint {
        // `exact` is for scalars alone.
        guard values.count == 1, let value = values.values.first, value.kind != .array, value.kind != .object else {
            return .all([.oneOf(values)])
        }
        return .all([.exact(value)])
    }
}

extension Scope {
    /// Whether a tool is provably below the tool of the same name in this scope.
    package func covers(_ tool: ToolScope) -> Bool {
        var work = WorkBudget(steps: ScopeLimits.steps)
        guard let limit = try? normalized(within: &work), let normal = try? tool.normalized(within: &work) else {
            return false
        }
        return limit.expansion(by: Scope(tools: [normal]), within: &work) == nil
    }
}
