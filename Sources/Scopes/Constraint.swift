public import StrictJSON

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
    case each(Constraint)
    case members(MembersConstraint)

    /// The name of the type in tokens.
    public var type: String { kind.name }

    var kind: ConstraintKind {
        switch self {
        case .exact: .exact
        case .range: .range
        case .oneOf: .oneOf
        case .notOneOf: .notOneOf
        case .contains: .contains
        case .subset: .subset
        case .wildcard: .wildcard
        case .all: .all
        case .any: .any
        case .pathContainment: .pathContainment
        case .glob: .glob
        case .uri: .uri
        case .cidr: .cidr
        case .decimalRange: .decimalRange
        case .each: .each
        case .members: .members
        }
    }

    /// Whether a value satisfies the constraint. Recurses at most 32 deep.
    ///
    /// The answer is meaningless once the budget is exhausted: it may be `true` because a `not_one_of` could not look.
    func permits(_ value: JSON.Value, within work: inout WorkBudget) -> Bool {
        guard work.spend(2) else { return false }
        switch self {
        case .exact(let expected): return value.isEqual(to: expected, within: &work)
        case .range(let range): return value.number.map { range.value.contains($0) } ?? false
        case .oneOf(let values): return values.contains(value, within: &work)
        case .notOneOf(let values): return !values.contains(value, within: &work)
        case .contains(let required): return value.kind == .array && required.isContained(in: value, within: &work)
        case .subset(let allowed): return value.kind == .array && allowed.holdsAll(of: value, within: &work)
        case .wildcard: return true
        case .all(let clauses):
            for clause in clauses {
                guard clause.permits(value, within: &work) else { return false }
            }
            return true
        case .any(let clauses):
            for clause in clauses where clause.permits(value, within: &work) { return true }
            return false
        case .pathContainment(let path):
            return value.kind == .string
                && value.withUTF8 { work.spend($0.count * 2) && path.value.contains($0) }
        case .glob(let glob):
            return value.kind == .string && value.withUTF8 { glob.value.matches($0, within: &work) }
        case .uri(let uri): return value.kind == .string && value.withUTF8 { uri.value.matches($0, within: &work) }
        case .cidr(let cidr):
            return value.kind == .string && work.spend(24) && value.withUTF8 { cidr.value.contains($0) }
        case .decimalRange(let range):
            return value.kind == .string
                && value.withUTF8 { work.spend(range.value.cost(of: $0.count)) && range.value.contains($0) }
        case .each(let clause):
            guard value.kind == .array else { return false }
            for element in value.elements {
                guard work.spend(4), clause.permits(element, within: &work) else { return false }
            }
            return true
        case .members(let members): return value.kind == .object && members.value.permits(value, within: &work)
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
/// A compiled `members`.
public struct MembersConstraint: Sendable { let value: ConstraintMap }

extension Constraint: Equatable {
    /// Whether both are the same in the same form: lists are compared as sets, clauses in their order.
    public static func == (a: Constraint, b: Constraint) -> Bool {
        var work = WorkBudget.unlimited
        return a.isSame(as: b, within: &work)
    }

    /// As `==`. The answer is meaningless once the budget is exhausted.
    package func isSame(as other: Constraint, within work: inout WorkBudget) -> Bool {
        guard work.spend(4) else { return false }
        switch (self, other) {
        case (.exact(let x), .exact(let y)): return x.isEqual(to: y, within: &work)
        case (.range(let x), .range(let y)): return x.value == y.value
        case (.oneOf(let x), .oneOf(let y)), (.notOneOf(let x), .notOneOf(let y)), (.contains(let x), .contains(let y)),
            (.subset(let x), .subset(let y)):
            // No value occurs twice in either.
            return x.count == y.count && x.isSubset(of: y, within: &work)
        case (.wildcard, .wildcard): return true
        case (.all(let x), .all(let y)), (.any(let x), .any(let y)):
            guard x.count == y.count else { return false }
            for (own, theirs) in zip(x, y) {
                guard own.isSame(as: theirs, within: &work) else { return false }
            }
            return true
        case (.pathContainment(let x), .pathContainment(let y)): return x.value == y.value
        case (.glob(let x), .glob(let y)): return x.value == y.value
        case (.uri(let x), .uri(let y)): return work.spend(min(x.value.size, y.value.size) * 32) && x.value == y.value
        case (.cidr(let x), .cidr(let y)): return x.value == y.value
        case (.decimalRange(let x), .decimalRange(let y)): return x.value == y.value
        case (.each(let x), .each(let y)): return x.isSame(as: y, within: &work)
        case (.members(let x), .members(let y)): return x.value.isSame(as: y.value, within: &work)
        default: return false
        }
    }
}
