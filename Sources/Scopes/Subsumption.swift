internal import JOSE

/// Whether a child's constraint is below its parent's (AAT section 4.5 and docs/constraints.md).
enum Subsumption {
    case below
    /// A listed pair of types whose condition does not hold.
    case wider
    /// A pair of types that is not listed.
    case notPermitted

    private init(_ holds: Bool) { self = holds ? .below : .wider }

    /// With a budget of its own.
    init(of child: Constraint, under parent: Constraint) {
        var budget = WorkBudget()
        self.init(of: child, under: parent, &budget)
    }

    /// Exactly the draft's table for its nine types. Recurses at most 32 deep.
    init(of child: Constraint, under parent: Constraint, _ budget: inout WorkBudget) {
        guard budget.spend(8) else {
            self = .notPermitted
            return
        }
        switch (parent, child) {
        case (.wildcard, _): self = .below
        case (_, .wildcard): self = .notPermitted
        case (.exact(let x), .exact(let y)): self.init(x.isEqual(to: y, &budget))
        case (.range(let range), .exact(let value)): self.init(value.number.map { range.value.contains($0) } ?? false)
        case (.oneOf(let values), .exact(let value)): self.init(values.contains(value, &budget))
        case (.pathContainment, .exact(let value)), (.glob, .exact(let value)), (.uri, .exact(let value)),
            (.cidr, .exact(let value)), (.decimalRange, .exact(let value)):
            self.init(parent.permits(value, &budget))
        case (.pathContainment, .oneOf(let values)), (.glob, .oneOf(let values)), (.uri, .oneOf(let values)),
            (.cidr, .oneOf(let values)), (.decimalRange, .oneOf(let values)):
            self.init(Self.permitsAll(values, parent, &budget))
        case (.range(let x), .range(let y)): self.init(x.value.subsumes(y.value))
        case (.oneOf(let x), .oneOf(let y)): self.init(y.isSubset(of: x, &budget))
        case (.notOneOf(let x), .notOneOf(let y)): self.init(x.isSubset(of: y, &budget))
        case (.contains(let x), .contains(let y)): self.init(x.isSubset(of: y, &budget))
        case (.subset(let x), .subset(let y)): self.init(y.isSubset(of: x, &budget))
        case (.all(let x), .all(let y)): self.init(Self.matches(x, y, &budget))
        case (.any(let x), .any(let y)):
            self.init(Self.isCovered(y, x, &budget))
        case (.pathContainment(let x), .pathContainment(let y)): self.init(x.value.contains(y.value))
        case (.glob(let x), .glob(let y)): self.init(GlobInclusion.holds(y.value, below: x.value, &budget))
        case (.pathContainment(let root), .glob(let glob)): self.init(glob.value.isBelow(root.value))
        case (.uri(let x), .uri(let y)): self.init(budget.spend(x.value.cost(of: y.value)) && x.value.subsumes(y.value))
        case (.cidr(let x), .cidr(let y)):
            self.init(budget.spend(16 * y.value.networks.count) && x.value.contains(y.value))
        case (.decimalRange(let x), .decimalRange(let y)): self.init(x.value.subsumes(y.value))
        default: self = .notPermitted
        }
    }

    private static func permitsAll(_ values: ValueSet, _ parent: Constraint, _ budget: inout WorkBudget) -> Bool {
        for value in values where !parent.permits(value, &budget) { return false }
        return !budget.isSpent
    }

    /// Whether each child clause is below a parent clause.
    private static func isCovered(
        _ children: [Constraint], _ parents: [Constraint], _ budget: inout WorkBudget
    ) -> Bool {
        guard !children.isEmpty else { return false }
        for child in children {
            var isBelow = false
            for parent in parents where Subsumption(of: child, under: parent, &budget) == .below {
                isBelow = true
                break
            }
            guard isBelow else { return false }
        }
        return true
    }

    /// Whether each parent clause finds a child clause of its own: a maximum bipartite matching by augmenting paths.
    private static func matches(
        _ parents: [Constraint], _ children: [Constraint], _ budget: inout WorkBudget
    ) -> Bool {
        guard children.count >= parents.count else { return false }
        // As it mostly is: each clause where its parent's stands.
        var stands = 0
        while stands < parents.count, Subsumption(of: children[stands], under: parents[stands], &budget) == .below {
            stands += 1
        }
        if stands == parents.count { return true }
        var edges: [[Int]] = []
        for parent in parents {
            var below: [Int] = []
            for (i, child) in children.enumerated() {
                guard !budget.isSpent else { return false }
                if Subsumption(of: child, under: parent, &budget) == .below { below.append(i) }
            }
            edges.append(below)
        }
        var owner = [Int?](repeating: nil, count: children.count)
        for parent in parents.indices {
            var visited = [Bool](repeating: false, count: children.count)
            guard budget.spend(parents.count * children.count), augment(parent, edges, &owner, &visited) else {
                return false
            }
        }
        return true
    }

    /// Recurses at most once per parent clause, of which there are 64 at most.
    private static func augment(_ parent: Int, _ edges: [[Int]], _ owner: inout [Int?], _ visited: inout [Bool]) -> Bool
    {
        for child in edges[parent] where !visited[child] {
            visited[child] = true
            guard let present = owner[child] else {
                owner[child] = parent
                return true
            }
            if augment(present, edges, &owner, &visited) {
                owner[child] = parent
                return true
            }
        }
        return false
    }
}
