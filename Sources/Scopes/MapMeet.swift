internal import StrictJSON

extension ConstraintMap {
    /// The map with every constraint in normal form. An optional name that no value satisfies may never be given: a
    /// closed map leaves it out.
    func normalized(within work: inout WorkBudget) throws(ScopeError) -> ConstraintMap {
        var normal: [NamedConstraint] = []
        var refused: [NamedConstraint] = []
        for entry in entries {
            do throws(ScopeError) {
                guard entry.isOptional, try entry.constraint.isRefuted(within: &work) else {
                    let constraint = try entry.constraint.normalized(within: &work)
                    normal.append(NamedConstraint(entry.name, constraint, isOptional: entry.isOptional))
                    continue
                }
                let never = try Constraint.unmerged(entry.constraint.clauses, within: &work)
                refused.append(NamedConstraint(entry.name, never, isOptional: true))
            } catch { throw error.at(argument: entry.name) }
        }
        return ConstraintMap(normal, admitsUnnamed: admitsUnnamed, refusing: refused)
    }

    /// A map in which some optional names may not be given at all: a closed map leaves them out.
    private init(_ entries: [NamedConstraint], admitsUnnamed: Bool, refusing refused: [NamedConstraint]) {
        // One name stays if nothing else would, since an empty map is an open one.
        let stay = admitsUnnamed ? refused : entries.isEmpty ? Array(refused.prefix(1)) : []
        self.init(entries + stay, admitsUnnamed: admitsUnnamed)
    }

    /// This ∩ request. It is below this under the draft's table, in whatever form this is written.
    func narrowed(to request: ConstraintMap, within work: inout WorkBudget) throws(ScopeError) -> ConstraintMap {
        if isOpen {
            let normal = try request.normalized(within: &work)
            try normal.checkDepth(within: &work)
            return normal
        }
        if request.isOpen { return self }
        guard spendJoining(request, within: &work) else { throw .tooCostly }
        var both: [NamedConstraint] = []
        var refused: [NamedConstraint] = []
        for case let (name, own, theirs) in joined(with: request) {
            do throws(ScopeError) {
                switch (own, theirs) {
                case (.some(let own), .some(let theirs)):
                    let isOptional = own.isOptional && theirs.isOptional
                    do throws(ScopeError) {
                        let narrower = try own.constraint.narrowed(to: theirs.constraint, within: &work)
                        both.append(NamedConstraint(name, narrower, isOptional: isOptional))
                    } catch {
                        guard isOptional, error.isEmptyIntersection else { throw error }
                        let never = try own.constraint.refused(with: theirs.constraint, within: &work)
                        refused.append(NamedConstraint(name, never, isOptional: true))
                    }
                case (.some(let own), nil):
                    if request.admitsUnnamed {
                        both.append(own)
                    } else if !own.isOptional {
                        throw ScopeError(
                            "empty_intersection", "one side requires this argument, and the other does not permit it")
                    }
                case (nil, .some(let theirs)):
                    if admitsUnnamed {
                        let normal = try theirs.constraint.normalized(within: &work)
                        both.append(NamedConstraint(name, normal, isOptional: theirs.isOptional))
                    } else if !theirs.isOptional {
                        throw ScopeError(
                            "empty_intersection", "one side requires this argument, and the other does not permit it")
                    }
                case (nil, nil): continue
                }
            } catch { throw error.at(argument: name) }
        }
        let admits = admitsUnnamed && request.admitsUnnamed
        guard admits || !both.isEmpty || !refused.isEmpty else {
            throw ScopeError(
                "empty_intersection",
                "the sides have no argument in common: only a call without any would be left, which cannot be written")
        }
        guard both.count <= ScopeLimits.constraints else {
            throw ScopeError("limit_exceeded", "more than \(ScopeLimits.constraints) arguments")
        }
        let result = ConstraintMap(both, admitsUnnamed: admits, refusing: refused)
        try result.checkDepth(within: &work)
        return result
    }

    /// An `all` is written around constraints: one nested to the limit could then not be read again.
    private func checkDepth(within work: inout WorkBudget) throws(ScopeError) {
        for entry in entries {
            guard entry.constraint.isNested(atMost: ScopeLimits.depth, within: &work) else {
                guard !work.isExhausted else { throw .tooCostly }
                throw ScopeError(
                    "too_deep",
                    "with `all(...)` around it, as it is written in a grant, this is nested deeper than \(ScopeLimits.depth)"
                ).at(argument: entry.name)
            }
        }
    }
}

extension Constraint {
    /// Whether it is nested no deeper than `depth` (AAT section 3.4); elements and members count like clauses.
    fileprivate func isNested(atMost depth: Int, within work: inout WorkBudget) -> Bool {
        guard depth > 0, work.spend(1) else { return false }
        switch self {
        case .all(let clauses), .any(let clauses):
            for clause in clauses where !clause.isNested(atMost: depth - 1, within: &work) { return false }
            return true
        case .each(let clause): return clause.isNested(atMost: depth - 1, within: &work)
        case .members(let map):
            for entry in map.value.entries where !entry.constraint.isNested(atMost: depth - 1, within: &work) {
                return false
            }
            return true
        case .exact, .range, .oneOf, .notOneOf, .contains, .subset, .wildcard, .pathContainment, .glob, .uri, .cidr,
            .decimalRange:
            return true
        }
    }

    /// Whether its clauses plainly exclude every value.
    fileprivate func isRefuted(within work: inout WorkBudget) throws(ScopeError) -> Bool {
        do throws(ScopeError) { _ = try Self.conjunction(clauses, within: &work) } catch {
            guard !error.isTooCostly else { throw error }
            return error.isEmptyIntersection
        }
        return false
    }

    /// The clauses next to each other, each once: the form of a conjunction that nothing satisfies.
    static func unmerged(_ clauses: [Constraint], within work: inout WorkBudget) throws(ScopeError) -> Constraint {
        var kept: [Constraint] = []
        for clause in clauses {
            var isKnown = false
            for known in kept where !isKnown { isKnown = known.isSame(as: clause, within: &work) }
            if !isKnown { kept.append(clause) }
        }
        guard kept.count <= ScopeLimits.constraints else {
            throw ScopeError("limit_exceeded", "more than \(ScopeLimits.constraints) clauses on one argument")
        }
        return .all(try ordered(kept, within: &work))
    }

    /// A constraint below this that no value satisfies, since no value satisfies both.
    fileprivate func refused(
        with request: Constraint, within work: inout WorkBudget
    ) throws(ScopeError) -> Constraint {
        let never = try Self.unmerged(clauses + request.clauses, within: &work)
        if never.isBelow(self, within: &work) { return never }
        if case .all(let mine) = self {
            let kept = Constraint.all(mine + request.clauses)
            if kept.isBelow(self, within: &work) { return kept }
        }
        guard !work.isExhausted else { throw .tooCostly }
        throw ScopeError(
            "not_below_parent",
            "no value satisfies both, and the parent's \(type) was issued bare: nothing can be written below it that says so"
        )
    }
}
