internal import StrictJSON

extension Constraint {
    /// The clauses of the conjunction that this constraint is.
    var clauses: [Constraint] {
        if case .all(let clauses) = self { return clauses.flatMap(\.clauses) }
        if case .wildcard = self { return [] }
        return [self]
    }

    /// Normal form: `all` of at most one clause of each type that can be merged, in a canonical order; or `wildcard`.
    ///
    /// Clauses of different types are never merged: `all` is matched clause by clause, so each needs its counterpart.
    func normalized(within work: inout WorkBudget) throws(ScopeError) -> Constraint {
        do throws(ScopeError) { return try Self.conjunction(clauses, within: &work) } catch {
            guard !error.isTooCostly else { throw error }
            // A constraint that cannot be satisfied stays as it was written: it permits nothing either way.
            return self
        }
    }

    /// The intersection of clauses in normal form; throws if nothing satisfies them all.
    static func conjunction(
        _ clauses: [Constraint], within work: inout WorkBudget
    ) throws(ScopeError) -> Constraint {
        var merged: [Constraint] = []
        for clause in clauses {
            guard work.spend(16 + merged.count * 4) else { throw .tooCostly }
            if let i = merged.firstIndex(where: { $0.isMergeable(with: clause) }) {
                let both = merged[i].merged(with: clause, within: &work)
                guard !work.isExhausted else { throw .tooCostly }
                guard let both else { throw empty }
                guard both.memberCount <= ScopeLimits.members else {
                    throw ScopeError("limit_exceeded", "a set has more than \(ScopeLimits.members) members")
                }
                merged[i] = both
            } else if clause.isAbsorbing {
                try absorb(clause, into: &merged, within: &work)
            } else {
                var isKnown = false
                for known in merged where !isKnown { isKnown = known.isSame(as: clause, within: &work) }
                if !isKnown { merged.append(clause) }
            }
            // Further clauses never reduce their number.
            guard merged.count <= ScopeLimits.constraints else {
                throw ScopeError("limit_exceeded", "more than \(ScopeLimits.constraints) clauses on one argument")
            }
        }
        guard !merged.isEmpty else { return .wildcard }
        for clause in merged {
            let candidates: [JSON.Value]
            switch clause {
            case .exact(let value): candidates = [value]
            case .oneOf(let values): candidates = values.values
            default: continue
            }
            let isSatisfied = hasCommon(candidates, of: merged, within: &work)
            guard !work.isExhausted else { throw .tooCostly }
            guard isSatisfied else { throw empty }
        }
        guard !work.isExhausted else { throw .tooCostly }
        return .all(try ordered(merged, within: &work))
    }

    /// Of clauses on elements or members that are below one another, keeps only the narrowest.
    private static func absorb(
        _ clause: Constraint, into merged: inout [Constraint], within work: inout WorkBudget
    ) throws(ScopeError) {
        var i = 0
        while i < merged.count {
            guard merged[i].kind == clause.kind else {
                i += 1
                continue
            }
            let isBelow = merged[i].isBelow(clause, within: &work)
            let isAbove = clause.isBelow(merged[i], within: &work)
            guard !work.isExhausted else { throw .tooCostly }
            // Two equivalent clauses: keeps the one that is written first, in whatever order they came.
            if isBelow {
                guard isAbove else { return }
                if try precedes(merged[i], clause, within: &work) { return }
            }
            if isAbove { merged.remove(at: i) } else { i += 1 }
        }
        merged.append(clause)
    }

    private static func precedes(
        _ a: Constraint, _ b: Constraint, within work: inout WorkBudget
    ) throws(ScopeError) -> Bool {
        let keys = (a.tree.text, b.tree.text)
        guard work.spend(64 + (keys.0.utf8.count + keys.1.utf8.count) * 6) else { throw .tooCostly }
        return !keys.1.isBefore(keys.0)
    }

    /// Whether one of some values satisfies all clauses.
    private static func hasCommon(
        _ candidates: [JSON.Value], of clauses: [Constraint], within work: inout WorkBudget
    ) -> Bool {
        let all = Constraint.all(clauses)
        for value in candidates where all.permits(value, within: &work) { return true }
        return false
    }

    /// Clauses in their canonical order.
    static func ordered(
        _ clauses: [Constraint], within work: inout WorkBudget
    ) throws(ScopeError) -> [Constraint] {
        guard clauses.count > 1 else { return clauses }
        var keyed: [(key: String, clause: Constraint)] = []
        for clause in clauses {
            let key = clause.tree.text
            guard work.spend(64 + key.utf8.count * 6) else { throw .tooCostly }
            keyed.append((key, clause))
        }
        return keyed.inOrder { $0.key.isBefore($1.key) }.map(\.clause)
    }

    /// The number of members of this constraint's longest list.
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
        case .glob, .any, .all, .each, .members: false
        default: kind == other.kind
        }
    }

    private var isAbsorbing: Bool {
        switch self {
        case .each, .members: true
        default: false
        }
    }

    /// The intersection with a constraint of the same type; `nil` if it is empty.
    private func merged(with other: Constraint, within work: inout WorkBudget) -> Constraint? {
        switch (self, other) {
        case (.exact(let x), .exact(let y)): return x.isEqual(to: y, within: &work) ? self : nil
        case (.range(let x), .range(let y)):
            return x.value.meet(y.value).map { .range(NumberRangeConstraint(value: $0)) }
        case (.oneOf(let x), .oneOf(let y)):
            let both = x.filter(within: &work) { y.contains($0, within: &$1) }
            return both.isEmpty ? nil : .oneOf(both)
        case (.notOneOf(let x), .notOneOf(let y)): return .notOneOf(x.union(y, within: &work))
        case (.contains(let x), .contains(let y)): return .contains(x.union(y, within: &work))
        case (.subset(let x), .subset(let y)):
            return .subset(x.filter(within: &work) { y.contains($0, within: &$1) })
        case (.pathContainment(let x), .pathContainment(let y)):
            guard work.spend((x.value.root.utf8.count + y.value.root.utf8.count) * 2) else { return nil }
            if x.value.contains(y.value) { return other }
            return y.value.contains(x.value) ? self : nil
        case (.uri(let x), .uri(let y)):
            return x.value.meet(y.value, within: &work).map { .uri(URIConstraint(value: $0)) }
        case (.cidr(let x), .cidr(let y)):
            guard work.spend((x.value.networks.count + y.value.networks.count) * 32) else { return nil }
            return x.value.meet(y.value).map { .cidr(CIDRConstraint(value: $0)) }
        case (.decimalRange(let x), .decimalRange(let y)):
            return x.value.meet(y.value).map { .decimalRange(DecimalRangeConstraint(value: $0)) }
        default: return nil
        }
    }

    /// This ∩ request. It is below this under the draft's table, in whatever form this is written.
    func narrowed(to request: Constraint, within work: inout WorkBudget) throws(ScopeError) -> Constraint {
        let result = try Self.conjunction(clauses + request.clauses, within: &work)
        if result.isBelow(self, within: &work) { return result }
        if let kept = kept(of: request, result, within: &work), !work.isExhausted { return kept }
        guard !work.isExhausted else { throw .tooCostly }
        if case .oneOf = self { throw Self.empty }
        throw ScopeError(
            "not_below_parent",
            "the parent's \(type) was issued bare: it cannot be narrowed by \(request.clauses.map(\.type).joined(separator: " and "))"
        )
    }

    func isBelow(_ parent: Constraint, within work: inout WorkBudget) -> Bool {
        Subsumption(of: self, under: parent, within: &work) == .below
    }

    /// A constraint below this when this is not in normal form; `nil` if there is none. `both` is the intersection.
    private func kept(of request: Constraint, _ both: Constraint, within work: inout WorkBudget) -> Constraint? {
        switch self {
        case .all(let mine):
            // Keeps each clause unchanged, so that it finds itself.
            let kept = Constraint.all(mine + request.clauses)
            return kept.isBelow(self, within: &work) ? kept : nil
        case .oneOf(let values):
            let kept = values.filter(within: &work) { request.permits($0, within: &$1) }
            return kept.isEmpty ? nil : .oneOf(kept)
        default:
            let (asked, merged) = (request.clauses, both.clauses)
            if merged.count == 1 {
                for candidate in asked.count == 1 ? asked + merged : merged
                where candidate.isBelow(self, within: &work) { return candidate }
            }
            if isBelow(request, within: &work) { return self }
            if case .exact(let value) = self, request.permits(value, within: &work) { return self }
            for case .exact(let value) in asked
            where permits(value, within: &work) && Constraint.exact(value).isBelow(self, within: &work) {
                return .exact(value)
            }
            return nil
        }
    }
}
