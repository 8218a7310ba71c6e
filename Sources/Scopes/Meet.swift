internal import JOSE

extension Constraint {
    /// The clauses of the conjunction this constraint stands for.
    var clauses: [Constraint] {
        if case .all(let clauses) = self { return clauses.flatMap(\.clauses) }
        if case .wildcard = self { return [] }
        return [self]
    }

    /// Normal form: `all` of at most one clause of each type that can be merged, in a canonical order; or `wildcard`.
    ///
    /// Clauses of different types are never merged: `all` is matched clause by clause, so each needs its counterpart.
    var normalized: Constraint {
        // A constraint that cannot be satisfied stays as it was written: it permits nothing either way.
        var budget = WorkBudget()
        return (try? Self.conjunction(clauses, &budget)) ?? self
    }

    /// The intersection of clauses in normal form; throws where nothing satisfies them all.
    static func conjunction(
        _ clauses: [Constraint], _ budget: inout WorkBudget
    ) throws(ScopeError) -> Constraint {
        var merged: [Constraint] = []
        for clause in clauses {
            if let i = merged.firstIndex(where: { $0.isMergeable(with: clause) }) {
                guard budget.spend(64) else { throw .tooCostly }
                guard let both = merged[i].merged(with: clause, &budget) else { throw empty }
                guard both.memberCount <= ScopeLimits.members else {
                    throw ScopeError("limit_exceeded", "a set has more than \(ScopeLimits.members) members")
                }
                merged[i] = both
            } else if !merged.contains(clause) {
                merged.append(clause)
            }
        }
        guard !merged.isEmpty else { return .wildcard }
        guard merged.count <= ScopeLimits.constraints else {
            throw ScopeError("limit_exceeded", "more than \(ScopeLimits.constraints) clauses on one argument")
        }
        for clause in merged {
            let candidates: [JSON.Value]
            switch clause {
            case .exact(let value): candidates = [value]
            case .oneOf(let values): candidates = values.values
            default: continue
            }
            var isSatisfiable = false
            for value in candidates where !isSatisfiable {
                isSatisfiable = true
                for other in merged where isSatisfiable { isSatisfiable = other.permits(value, &budget) }
            }
            guard !budget.isSpent else { throw .tooCostly }
            guard isSatisfiable else { throw empty }
        }
        return .all(ordered(merged))
    }

    /// Clauses in their canonical order.
    static func ordered(_ clauses: [Constraint]) -> [Constraint] {
        let keyed = clauses.map { (key: $0.tree.text, clause: $0) }
        return keyed.sorted { $0.key.isBefore($1.key) }.map(\.clause)
    }

    /// How many members the longest list of this constraint has.
    private var memberCount: Int {
        switch self {
        case .notOneOf(let values), .contains(let values): values.count
        case .cidr(let cidr): cidr.value.networks.count
        case .uri(let uri): uri.value.hosts?.count ?? 0
        default: 0
        }
    }

    static let empty = ScopeError("empty_intersection", "no value satisfies both")

    private func isMergeable(with other: Constraint) -> Bool {
        switch self {
        case .glob, .any, .all: false
        default: type.isSame(as: other.type)
        }
    }

    /// The intersection with a constraint of the same type; `nil` where it is empty.
    private func merged(with other: Constraint, _ budget: inout WorkBudget) -> Constraint? {
        switch (self, other) {
        case (.exact(let x), .exact(let y)): return x.isEqual(to: y) ? self : nil
        case (.range(let x), .range(let y)):
            return x.value.meet(y.value).map { .range(NumberRangeConstraint(value: $0)) }
        case (.oneOf(let x), .oneOf(let y)):
            let both = x.kept(in: y, &budget)
            return both.isEmpty ? nil : .oneOf(both)
        case (.notOneOf(let x), .notOneOf(let y)): return .notOneOf(x.union(y))
        case (.contains(let x), .contains(let y)): return .contains(x.union(y))
        case (.subset(let x), .subset(let y)): return .subset(x.kept(in: y, &budget))
        case (.pathContainment(let x), .pathContainment(let y)):
            if x.value.contains(y.value) { return other }
            return y.value.contains(x.value) ? self : nil
        case (.uri(let x), .uri(let y)): return x.value.meet(y.value).map { .uri(URIConstraint(value: $0)) }
        case (.cidr(let x), .cidr(let y)): return x.value.meet(y.value).map { .cidr(CIDRConstraint(value: $0)) }
        case (.decimalRange(let x), .decimalRange(let y)):
            return x.value.meet(y.value).map { .decimalRange(DecimalRangeConstraint(value: $0)) }
        default: return nil
        }
    }

    /// This ∩ request, below this under the draft's table whatever form this has.
    func narrowed(to request: Constraint, _ budget: inout WorkBudget) throws(ScopeError) -> Constraint {
        let own = clauses
        let result = try Self.conjunction(own + request.clauses, &budget)
        if Subsumption(of: result, under: self, &budget) == .below { return result }
        switch self {
        case .all(let mine):
            // Not in normal form: keep each clause as it stands, so that it finds itself.
            let kept = Constraint.all(mine + request.clauses)
            if Subsumption(of: kept, under: self, &budget) == .below { return kept }
        case .oneOf(let values):
            let kept = values.kept(by: request, &budget)
            guard !budget.isSpent else { throw .tooCostly }
            guard !kept.isEmpty else { throw Self.empty }
            return .oneOf(kept)
        default:
            for candidate in request.clauses.count == 1 ? request.clauses + result.clauses : result.clauses
            where Subsumption(of: candidate, under: self, &budget) == .below && result.clauses.count == 1 {
                return candidate
            }
            if Subsumption(of: self, under: request, &budget) == .below { return self }
            if case .exact(let value) = self, request.permits(value, &budget) { return self }
            for case .exact(let value) in request.clauses
            where permits(value, &budget) && Subsumption(of: .exact(value), under: self, &budget) == .below {
                return .exact(value)
            }
        }
        guard !budget.isSpent else { throw .tooCostly }
        throw ScopeError(
            "not_below_parent",
            "the parent's \(type) was issued bare: it cannot be narrowed by \(request.clauses.map(\.type).joined(separator: " and "))"
        )
    }
}
