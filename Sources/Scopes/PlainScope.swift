internal import StrictJSON

extension Scope {
    /// Whether it is so short and flat that no limit of whoever reads it is anywhere near.
    package var isPlain: Bool {
        tools.count <= 64
            && tools.allSatisfy { tool in
                tool.arguments.count <= 32 && tool.arguments.allSatisfy { $0.constraint.isPlain(isOuter: true) }
            }
    }
}

extension Constraint {
    /// No more than one conjunction deep, and no value in it has values of its own.
    fileprivate func isPlain(isOuter: Bool) -> Bool {
        switch self {
        case .all(let clauses), .any(let clauses): isOuter && clauses.allSatisfy { $0.isPlain(isOuter: false) }
        case .each, .members: false
        case .oneOf(let values), .notOneOf(let values), .contains(let values), .subset(let values):
            values.count <= 64 && values.allSatisfy { $0.kind != .array && $0.kind != .object }
        case .exact, .range, .wildcard, .pathContainment, .glob, .uri, .cidr, .decimalRange: true
        }
    }
}
