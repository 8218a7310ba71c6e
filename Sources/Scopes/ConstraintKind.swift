internal import StrictJSON

/// The types of constraints, with their names in tokens.
enum ConstraintKind: CaseIterable {
    case exact, range, oneOf, notOneOf, contains, subset, wildcard, all, any
    case pathContainment, glob, uri, cidr, decimalRange, each, members

    /// The type with this name in tokens; `nil` if there is none, or if `json` is not a string.
    init?(named json: JSON.Value) {
        guard let kind = Self.allCases.first(where: { json.equals($0.name) }) else { return nil }
        self = kind
    }

    var name: String {
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
        case .each: "each"
        case .members: "members"
        }
    }

    /// The members that a constraint of this type may have, besides `constraint_type`.
    var members: [String] {
        switch self {
        case .exact: ["value"]
        case .range: ["min", "max", "min_inclusive", "max_inclusive"]
        case .oneOf: ["values"]
        case .notOneOf: ["excluded"]
        case .contains: ["required"]
        case .subset: ["allowed"]
        case .wildcard: []
        case .all, .any: ["constraints"]
        case .pathContainment: ["root"]
        case .glob: ["pattern"]
        case .uri: ["schemes", "hosts", "ports", "path"]
        case .cidr: ["networks"]
        case .decimalRange: ["min", "max"]
        case .each: ["constraint"]
        case .members: ["members", "optional_members", "others"]
        }
    }
}
