internal import StrictJSON

extension ToolScope {
    /// The tool in text form.
    var text: String {
        ScopeTextReader.spelled(name) + (isOpen ? "" : "(\(map.text))")
    }
}

extension ConstraintMap {
    /// The text between the parentheses.
    var text: String {
        var list = entries.map { entry in
            ScopeTextReader.spelled(entry.name) + (entry.isOptional ? "?" : "")
                + (entry.constraint == .wildcard ? ": " : " ") + entry.constraint.text
        }
        if admitsUnnamed { list.append("*: *") }
        return list.joined(separator: ", ")
    }
}

extension Constraint {
    /// The constraint in text form; reads back as the same constraint.
    public var text: String {
        let list = { (values: ValueSet) -> String in PrintableText(.array(values.map { .value($0) })).string }
        switch self {
        case .exact(let value): return "== " + PrintableText(.value(value)).string
        case .range(let range):
            var parts: [String] = []
            if let min = range.value.min {
                parts.append((range.value.minInclusive ? ">= " : "> ") + JSONTree.number(min).text)
            }
            if let max = range.value.max {
                parts.append((range.value.maxInclusive ? "<= " : "< ") + JSONTree.number(max).text)
            }
            return parts.isEmpty ? "number" : parts.joined(separator: " ")
        case .oneOf(let values): return "in " + list(values)
        case .notOneOf(let values): return "not in " + list(values)
        case .contains(let values): return "contains " + list(values)
        case .subset(let values): return "subset of " + list(values)
        case .wildcard: return "*"
        case .all(let clauses): return "all(\(clauses.map(\.text).joined(separator: ", ")))"
        case .any(let clauses): return "any(\(clauses.map(\.text).joined(separator: ", ")))"
        case .pathContainment(let path): return "under " + PrintableText(.string(path.value.root)).string
        case .glob(let glob): return "like " + PrintableText(.string(glob.value.pattern)).string
        case .uri(let uri): return "uri " + PrintableText(.object(uri.value.members)).string
        case .cidr(let cidr): return "cidr " + JSONTree.array(cidr.value.networks.map { .string($0.text) }).text
        case .decimalRange(let range):
            let bounds = [(">= ", range.value.min), ("<= ", range.value.max)]
            return "decimal "
                + bounds.compactMap { sign, bound in bound.map { sign + JSONTree.string($0.text).text } }
                .joined(separator: " ")
        case .each(let clause): return "each(\(clause.text))"
        case .members(let map): return "members(\(map.value.text))"
        }
    }

    /// The constraint as people read it: an `all` of one clause is shown as that clause.
    public var summary: String {
        switch self {
        case .all(let clauses) where !clauses.isEmpty: return clauses.map(\.summary).joined(separator: " and ")
        case .any(let clauses): return clauses.map(\.summary).joined(separator: " or ")
        case .wildcard: return "anything"
        case .each(let clause): return "a list with each element \(clause.summary)"
        default: return text
        }
    }
}

extension Scope {
    /// The scope in words, a line for each tool and argument; printable.
    public var summary: String {
        tools.map { tool in
            tool.isOpen
                ? "\(tool.name.printable): any arguments\n"
                : "\(tool.name.printable):\n" + tool.summaries.map { "  \($0)\n" }.joined()
        }.joined()
    }
}

extension ToolScope {
    /// The constraints on a call's arguments in words, a line each; printable.
    public var summaries: [String] {
        guard !isOpen else { return ["any arguments"] }
        return arguments.map { $0.summary } + (admitsUnnamed ? ["any other arguments may be given"] : [])
    }
}

extension NamedConstraint {
    /// The constraint on the argument in words; printable.
    public var summary: String {
        "\(name.printable) \(isOptional ? "may be left out, or else " : "")must be \(constraint.summary)"
    }
}
