internal import JOSE

/// Whether a child's constraint is below its parent's (AAT section 4.5 and docs/constraints.md).
enum Subsumption {
    case below
    /// A listed pair of types whose condition does not hold.
    case wider
    /// A pair of types that is not listed.
    case notPermitted

    private init(_ holds: Bool) { self = holds ? .below : .wider }

    /// Exactly the draft's table for its nine types. Recurses at most 32 deep.
    init(of child: Constraint, under parent: Constraint) {
        switch (parent, child) {
        case (.wildcard, _): self = .below
        case (_, .wildcard): self = .notPermitted
        case (.exact(let x), .exact(let y)): self.init(x.isEqual(to: y))
        case (.range(let range), .exact(let value)): self.init(value.number.map { range.value.contains($0) } ?? false)
        case (.oneOf(let values), .exact(let value)): self.init(values.contains(value))
        case (.pathContainment, .exact(let value)), (.glob, .exact(let value)), (.uri, .exact(let value)),
            (.cidr, .exact(let value)), (.decimalRange, .exact(let value)):
            self.init(parent.permits(value))
        case (.pathContainment, .oneOf(let values)), (.glob, .oneOf(let values)), (.uri, .oneOf(let values)),
            (.cidr, .oneOf(let values)), (.decimalRange, .oneOf(let values)):
            self.init(values.allSatisfy { parent.permits($0) })
        case (.range(let x), .range(let y)): self.init(x.value.subsumes(y.value))
        case (.oneOf(let x), .oneOf(let y)): self.init(y.isSubset(of: x))
        case (.notOneOf(let x), .notOneOf(let y)): self.init(x.isSubset(of: y))
        case (.contains(let x), .contains(let y)): self.init(x.isSubset(of: y))
        case (.subset(let x), .subset(let y)): self.init(y.isSubset(of: x))
        case (.all(let x), .all(let y)): self.init(Self.matches(x, y))
        case (.any(let x), .any(let y)):
            self.init(
                !y.isEmpty && y.allSatisfy { clause in x.contains { Subsumption(of: clause, under: $0) == .below } })
        case (.pathContainment(let x), .pathContainment(let y)): self.init(x.value.contains(y.value))
        case (.glob(let x), .glob(let y)): self.init(GlobInclusion.holds(y.value, below: x.value))
        case (.pathContainment(let root), .glob(let glob)): self.init(glob.value.isBelow(root.value))
        case (.uri(let x), .uri(let y)): self.init(x.value.subsumes(y.value))
        case (.cidr(let x), .cidr(let y)): self.init(x.value.contains(y.value))
        case (.decimalRange(let x), .decimalRange(let y)): self.init(x.value.subsumes(y.value))
        default: self = .notPermitted
        }
    }

    /// Whether each parent clause finds a child clause of its own: a maximum bipartite matching by augmenting paths.
    private static func matches(_ parents: [Constraint], _ children: [Constraint]) -> Bool {
        guard children.count >= parents.count else { return false }
        // As it mostly is: each clause where its parent's stands.
        if zip(parents, children).allSatisfy({ Subsumption(of: $1, under: $0) == .below }) { return true }
        let edges = parents.map { parent in
            children.indices.filter { Subsumption(of: children[$0], under: parent) == .below }
        }
        var owner = [Int?](repeating: nil, count: children.count)
        for parent in parents.indices {
            var visited = [Bool](repeating: false, count: children.count)
            guard augment(parent, edges, &owner, &visited) else { return false }
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
