public import JOSE

/// A constraint on one argument: the nine types of AAT section 3.4, and those registered in docs/constraints.md.
///
/// Compiled when it is read: checking a value allocates nothing.
public indirect enum Constraint: Sendable {
    case exact(JSON.Value)
    case range(NumberRangeConstraint)
    case oneOf(ValueSet)
    case notOneOf(ValueSet)
    case contains(ValueSet)
    case subset(ValueSet)
    case wildcard
    case all([Constraint])
    case any([Constraint])
    case pathContainment(PathContainmentConstraint)
    case glob(GlobConstraint)
    case uri(URIConstraint)
    case cidr(CIDRConstraint)
    case decimalRange(DecimalRangeConstraint)

    /// The name of the type in tokens.
    public var type: String {
        switch self {
        case .exact: "exact"
        case .range: "range"
        case .oneOf: "one_of"
        case .notOneOf: "not_one_of"
        case .contains: "contains"
        case .subset: "subset"
        case .wildcard: "wildcard"
        case .all: "all"
        case .any: "any"
        case .pathContainment: "path_containment"
        case .glob: "glob"
        case .uri: "uri"
        case .cidr: "cidr"
        case .decimalRange: "decimal_range"
        }
    }

    /// Whether a value satisfies the constraint; `false` also where to tell takes too much work. Recurses at most 32 deep.
    public func permits(_ value: JSON.Value) -> Bool {
        var budget = WorkBudget()
        return permits(value, &budget)
    }

    /// Whether a value satisfies the constraint; `false` once the budget is spent.
    func permits(_ value: JSON.Value, _ budget: inout WorkBudget) -> Bool {
        guard budget.spend(4) else { return false }
        switch self {
        case .exact(let expected): return value.isEqual(to: expected, &budget)
        case .range(let range): return value.number.map { range.value.contains($0) } ?? false
        case .oneOf(let values): return values.contains(value, &budget)
        case .notOneOf(let values): return !values.contains(value, &budget) && !budget.isSpent
        case .contains(let required): return value.kind == .array && required.isContained(in: value, &budget)
        case .subset(let allowed):
            guard value.kind == .array else { return false }
            for element in value.elements where !allowed.contains(element, &budget) { return false }
            return !budget.isSpent
        case .wildcard: return true
        case .all(let clauses):
            for clause in clauses where !clause.permits(value, &budget) { return false }
            return true
        case .any(let clauses):
            for clause in clauses where clause.permits(value, &budget) { return true }
            return false
        case .glob(let glob):
            guard value.kind == .string else { return false }
            var steps = budget
            let isMatch = value.withUTF8 { glob.value.matches($0, &steps) }
            budget = steps
            return isMatch
        case .pathContainment(let path):
            guard value.kind == .string, budget.spend(value.sourceLength) else { return false }
            return value.withUTF8 { path.value.contains($0) }
        case .uri(let uri):
            guard value.kind == .string, budget.spend(uri.value.cost(of: value.sourceLength)) else { return false }
            return value.withUTF8 { uri.value.matches($0) }
        case .cidr(let cidr): return value.kind == .string && value.withUTF8 { cidr.value.contains($0) }
        case .decimalRange(let range):
            guard value.kind == .string, budget.spend(min(value.sourceLength, 8192)) else { return false }
            return value.withUTF8 { range.value.contains($0) }
        }
    }
}

/// A compiled `range`.
public struct NumberRangeConstraint: Sendable { let value: NumberRange }
/// A compiled `path_containment`.
public struct PathContainmentConstraint: Sendable { let value: PathContainment }
/// A compiled `glob`.
public struct GlobConstraint: Sendable { let value: Glob }
/// A compiled `uri`.
public struct URIConstraint: Sendable { let value: URIPattern }
/// A compiled `cidr`.
public struct CIDRConstraint: Sendable { let value: CIDR }
/// A compiled `decimal_range`.
public struct DecimalRangeConstraint: Sendable { let value: DecimalRange }

extension Constraint: Equatable {
    /// Whether both say the same in the same form: lists are compared as sets, clauses in their order.
    public static func == (a: Constraint, b: Constraint) -> Bool {
        switch (a, b) {
        case (.exact(let x), .exact(let y)): return x.isEqual(to: y)
        case (.range(let x), .range(let y)): return x.value == y.value
        case (.oneOf(let x), .oneOf(let y)), (.notOneOf(let x), .notOneOf(let y)), (.contains(let x), .contains(let y)),
            (.subset(let x), .subset(let y)):
            var budget = WorkBudget()
            return x.isSubset(of: y, &budget) && y.isSubset(of: x, &budget)
        case (.wildcard, .wildcard): return true
        case (.all(let x), .all(let y)), (.any(let x), .any(let y)): return x == y
        case (.pathContainment(let x), .pathContainment(let y)): return x.value == y.value
        case (.glob(let x), .glob(let y)): return x.value == y.value
        case (.uri(let x), .uri(let y)): return x.value == y.value
        case (.cidr(let x), .cidr(let y)): return x.value == y.value
        case (.decimalRange(let x), .decimalRange(let y)): return x.value == y.value
        default: return false
        }
    }
}
