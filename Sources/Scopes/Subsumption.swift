internal import StrictJSON

/// Whether a child's constraint is below its parent's (AAT section 4.5 and docs/constraints.md).
enum Subsumption {
    case below
    /// A listed pair of types whose condition does not hold.
    case wider
    /// A pair of types that is not listed.
    case notPermitted

    private init(_ holds: Bool) { self = holds ? .below : .wider }

    /// Exactly the draft's table for its nine types. Recurses at most 32 deep.
    ///
    /// The answer is meaningless once the budget is exhausted.
    init(of child: Constraint, under parent: Constraint, within work: inout WorkBudget) {
        guard work.spend(4) else {
            self = .notPermitted
            return
        }
        switch (parent, child) {
        case (.wildcard, _): self = .below
        case (_, .wildcard): self = .notPermitted
        case (.exact(let x), .exact(let y)): self.init(x.isEqual(to: y, within: &work))
        case (.range(let range), .exact(let value)): self.init(value.number.map { range.value.contains($0) } ?? false)
        case (.oneOf(let values), .exact(let value)): self.init(values.contains(value, within: &work))
        case (.pathContainment, .exact(let value)), (.glob, .exact(let value)), (.uri, .exact(let value)),
            (.cidr, .exact(let value)), (.decimalRange, .exact(let value)):
            self.init(parent.permits(value, within: &work))
        case (.pathContainment, .oneOf(let values)), (.glob, .oneOf(let values)), (.uri, .oneOf(let values)),
            (.cidr, .oneOf(let values)), (.decimalRange, .oneOf(let values)), (.each, .oneOf(let values)),
            (.members, .oneOf(let values)):
            self.init(Self.holds(values.values, within: &work) { value, work in parent.permits(value, within: &work) })
        case (.range(let x), .range(let y)): self.init(x.value.subsumes(y.value))
        case (.oneOf(let x), .oneOf(let y)): self.init(y.isSubset(of: x, within: &work))
        case (.notOneOf(let x), .notOneOf(let y)): self.init(x.isSubset(of: y, within: &work))
        case (.contains(let x), .contains(let y)): self.init(x.isSubset(of: y, within: &work))
        case (.subset(let x), .subset(let y)): self.init(y.isSubset(of: x, within: &work))
        case (.all(let x), .all(let y)): self.init(Self.matches(x, y, within: &work))
        case (.any(let x), .any(let y)):
            self.init(
                !y.isEmpty
                    && Self.holds(y, within: &work) { clause, work in
                        for own in x where Subsumption(of: clause, under: own, within: &work) == .below { return true }
                        return false
                    })
        case (.pathContainment(let x), .pathContainment(let y)):
            self.init(work.spend(y.value.root.utf8.count * 2) && x.value.contains(y.value))
        case (.glob(let x), .glob(let y)): self.init(GlobInclusion.holds(y.value, below: x.value, within: &work))
        case (.pathContainment(let root), .glob(let glob)):
            self.init(work.spend(glob.value.tokens.count * 2) && glob.value.isBelow(root.value))
        case (.uri(let x), .uri(let y)): self.init(x.value.subsumes(y.value, within: &work))
        case (.cidr(let x), .cidr(let y)):
            self.init(work.spend(y.value.networks.count * 16) && x.value.contains(y.value))
        case (.decimalRange(let x), .decimalRange(let y)):
            self.init(work.spend(Decimal.longest * 2) && x.value.subsumes(y.value))
        case (.each(let x), .each(let y)): self.init(Subsumption(of: y, under: x, within: &work) == .below)
        case (.each(let clause), .subset(let allowed)):
            self.init(Self.holds(allowed.values, within: &work) { value, work in clause.permits(value, within: &work) })
        case (.members(let x), .members(let y)): self.init(x.value.excess(of: y.value, within: &work) == nil)
        default: self = .notPermitted
        }
    }

    private static func holds<Element>(
        _ elements: [Element], within work: inout WorkBudget, _ isBelow: (Element, inout WorkBudget) -> Bool
    ) -> Bool {
        for element in elements {
            guard isBelow(element, &work) else { return false }
        }
        return true
    }

    /// Whether each parent clause has a child clause below it; one may be below several.
    private static func matches(
        _ parents: [Constraint], _ children: [Constraint], within work: inout WorkBudget
    ) -> Bool {
        for (i, parent) in parents.enumerated() {
            // The usual case: each clause at the place of its parent's. No pair is compared twice, or nesting would
            // double the cost.
            if i < children.count, Subsumption(of: children[i], under: parent, within: &work) == .below { continue }
            var isMatched = false
            for (j, child) in children.enumerated() where j != i && !isMatched {
                isMatched = Subsumption(of: child, under: parent, within: &work) == .below
            }
            guard isMatched else { return false }
        }
        return true
    }
}
