package import StrictJSON

/// Which calls a rule of a policy is about, in the language of scopes: tools, and constraints on their arguments.
///
/// Two things differ from a scope, which says what may be done. A tool's name may be a pattern. And arguments that are not
/// named do not matter: `pay(usd: *)` is about every payment, or a further argument would take a call from under its rule.
package struct CallPattern: Sendable {
    /// Sorted by name.
    package let tools: [ToolPattern]

    /// Reads the text form, or an object as grants have it.
    package init(parsing json: JSON.Value) throws(ScopeError) {
        switch json.kind {
        case .string:
            var reader = ScopeTextReader(json.string ?? "", admitsPatterns: true)
            tools = try reader.scope().map { ToolPattern($0) }
        case .object: tools = try Scope(parsing: json).tools.map { ToolPattern($0) }
        case .null, .bool, .number, .array:
            throw ScopeError("malformed", "this is neither a text nor an object of tools", position: json.position)
        }
        guard !tools.isEmpty else { throw ScopeError("malformed", "there is no tool", position: json.position) }
    }

    /// As text.
    package var text: String { tools.map(\.text).joined(separator: "; ") }

    /// The parts of this that are about a tool, whatever its arguments.
    package func tools(named name: String) -> [ToolPattern] { tools.filter { $0.names.matches(name) } }

    /// Whether this is about every call that the other is about, as far as can be told.
    package func covers(_ other: CallPattern) -> Bool {
        var work = WorkBudget(steps: ScopeLimits.steps)
        for tool in other.tools {
            guard tools.contains(where: { $0.covers(tool, within: &work) }), !work.isExhausted else { return false }
        }
        return true
    }

    /// Whether it is about a tool that a scope grants.
    package func touches(_ scope: Scope) -> Bool {
        scope.tools.contains { tool in tools.contains { $0.names.matches(tool.name) } }
    }
}

/// Whether a call is among those that a rule is about.
package enum Coverage: Int, Sendable, Comparable {
    /// Its arguments show that it is not.
    case no
    /// They do not tell: one that the rule asks about is missing, or is of another kind than it asks about. What restricts
    /// applies, what permits does not.
    case maybe
    case yes

    package static func < (one: Coverage, other: Coverage) -> Bool { one.rawValue < other.rawValue }
}

/// One tool of a rule, or all whose names are like a pattern.
package struct ToolPattern: Sendable {
    package let names: NamePattern
    private let tool: ToolScope
    /// Whether it may name URLs or paths, which have other spellings.
    private let namesPlaces: Bool

    init(_ tool: ToolScope) {
        (names, self.tool) = (NamePattern(tool.name), tool)
        namesPlaces = tool.text.utf8.contains(UInt8(ascii: "/"))
    }

    var text: String {
        let text = tool.text
        // A pattern stands without quotes where nothing else in it needs them.
        return tool.isOpen && NamePattern.isSpelledPlainly(tool.name) ? tool.name : text
    }

    /// Whether every call of a tool of such a name is meant.
    package var isOpen: Bool { tool.isOpen }

    /// The arguments that a rule names, where it says nothing of their values: whatever they are, no call of such a tool is
    /// shown not to be meant, and one that has them all surely is. `nil` where values matter.
    package var namesOnly: [ExactText]? {
        var names: [ExactText] = []
        for entry in tool.map.entries {
            guard case .wildcard = entry.constraint else { return nil }
            if !entry.isOptional { names.append(entry.name.exact) }
        }
        return names
    }

    /// Whether a call of a tool of such a name is meant, by its arguments; allocates nothing.
    package func coverage(of call: JSON.Value, within work: inout WorkBudget) -> Coverage {
        guard !tool.isOpen else { return .yes }
        return tool.map.coverage(of: call, namingPlaces: namesPlaces, within: &work)
    }

    fileprivate func covers(_ other: ToolPattern, within work: inout WorkBudget) -> Bool {
        guard names.covers(other.names) else { return false }
        for own in tool.map.entries {
            guard let theirs = other.tool.map.entries.first(where: { $0.name.isExactly(own.name) }),
                own.isOptional || !theirs.isOptional,
                Subsumption(of: theirs.constraint, under: own.constraint, within: &work) == .below
            else { return false }
        }
        return true
    }
}

extension ConstraintMap {
    /// Whether a call's arguments, or an object's members, are those of a rule. Others than it names do not matter.
    fileprivate func coverage(
        of call: JSON.Value, namingPlaces: Bool, within work: inout WorkBudget
    ) -> Coverage {
        var least = Coverage.yes
        for i in entries.indices {
            guard let value = call[entries[i].name] else {
                if !entries[i].isOptional { least = min(least, .maybe) }
                continue
            }
            least = min(least, entries[i].constraint.coverage(of: value, namingPlaces: namingPlaces, within: &work))
            if least == .no { break }
        }
        return least
    }
}

extension Constraint {
    /// As ``permits(_:within:)`` where a value is of the kind that the constraint is about. Recurses at most 32 deep.
    ///
    /// Once the budget is exhausted nothing can be told any more.
    fileprivate func coverage(
        of value: JSON.Value, namingPlaces: Bool, within work: inout WorkBudget
    ) -> Coverage {
        let isPermitted: Bool
        switch self {
        case .all(let clauses):
            var least = Coverage.yes
            for clause in clauses {
                least = min(least, clause.coverage(of: value, namingPlaces: namingPlaces, within: &work))
            }
            return work.isExhausted ? .maybe : least
        case .any(let clauses):
            var most = Coverage.no
            for clause in clauses {
                most = max(most, clause.coverage(of: value, namingPlaces: namingPlaces, within: &work))
            }
            return work.isExhausted ? .maybe : most
        case .each(let clause):
            guard value.kind == .array else { return .maybe }
            // One recipient beside it would free a call from a rule that has all of them in mind: some are enough for
            // what restricts, and what permits wants all.
            var (least, most) = (Coverage.yes, Coverage.no)
            for element in value.elements {
                guard work.spend(4) else { return .maybe }
                let one = clause.coverage(of: element, namingPlaces: namingPlaces, within: &work)
                (least, most) = (min(least, one), max(most, one))
            }
            guard !work.isExhausted else { return .maybe }
            return most == .no ? .no : least == .yes ? .yes : .maybe
        case .members(let members):
            guard value.kind == .object, work.spend(value.count * members.value.entries.count) else { return .maybe }
            return members.value.coverage(of: value, namingPlaces: namingPlaces, within: &work)
        case .exact, .range, .oneOf, .notOneOf, .contains, .subset, .wildcard, .pathContainment, .glob, .uri, .cidr,
            .decimalRange:
            isPermitted = permits(value, within: &work)
        }
        guard !work.isExhausted else { return .maybe }
        guard !isPermitted else {
            guard namingPlaces, case .notOneOf(let values) = self, values.maySpell(value, within: &work) else {
                return .yes
            }
            return .maybe
        }
        return isAbout(value, namingPlaces: namingPlaces, within: &work) && !work.isExhausted ? .no : .maybe
    }

    /// Whether a value is of the kind that a constraint can tell about. A number in a text, a relative path, another way to
    /// write a URL and a host that is not an address are none: the tool may take them for what the constraint would permit.
    private func isAbout(_ value: JSON.Value, namingPlaces: Bool, within work: inout WorkBudget) -> Bool {
        switch self {
        case .exact(let expected):
            guard expected.kind == value.kind else { return false }
            guard namingPlaces, value.kind == .string else { return true }
            return expected.withUTF8 { own in
                value.withUTF8 { !Spelling.mayMean(own, $0, within: &work) }
            }
        case .oneOf(let values):
            return values.contains { $0.kind == value.kind } && !(namingPlaces && values.maySpell(value, within: &work))
        case .notOneOf, .wildcard, .all, .any, .each, .members: return true
        case .range: return value.kind == .number
        case .contains(let values), .subset(let values):
            guard value.isList(ofKindsIn: values, within: &work) else { return false }
            guard namingPlaces else { return true }
            for element in value.elements where values.maySpell(element, within: &work) { return false }
            return true
        case .pathContainment:
            return value.kind == .string && value.withUTF8 { PathContainment.isPath($0) && !$0.hasPercentEscape }
        case .glob(let glob): return value.kind == .string && value.withUTF8 { glob.value.canTell($0, within: &work) }
        case .uri(let uri): return value.kind == .string && value.withUTF8 { uri.value.canTell($0, within: &work) }
        case .cidr(let cidr): return value.kind == .string && value.withUTF8 { cidr.value.canTell($0) }
        case .decimalRange: return value.kind == .string && value.withUTF8 { Decimal.Parts($0) != nil }
        }
    }
}

extension JSON.Value {
    /// Whether this is an array whose elements are of the kinds of a set's values: `[["a"]]` and `[{"email":"a"}]` may mean
    /// what `["a"]` does.
    fileprivate func isList(ofKindsIn values: ValueSet, within work: inout WorkBudget) -> Bool {
        guard kind == .array, work.spend(count * values.count) else { return false }
        return elements.allSatisfy { element in values.contains { $0.kind == element.kind } }
    }
}
