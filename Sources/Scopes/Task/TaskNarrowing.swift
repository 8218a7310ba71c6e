internal import StrictJSON

/// The narrowing of a ceiling's tools to what a prompt names.
struct TaskNarrowing: ~Copyable {
    /// The most things of one kind that a prompt names.
    static let mostMentions = 256

    let prompt: Prompt
    let directory: TaskDirectory
    var work = WorkBudget(steps: ScopeLimits.steps)
    /// The things found for a kind and a list of the directory: many arguments share them.
    private var known: [(pin: ArgumentPin, mentions: [Mention])] = []
    private var words: [Range<Int>] = []

    var pins: [TaskScope.Pin] = []
    var leftOut: [TaskScope.LeftOut] = []
    var unpinned: [String] = []

    init(_ prompt: String, _ directory: TaskDirectory) throws(ScopeError) {
        (self.prompt, self.directory) = (try Prompt(prompt), directory)
        var words: [Range<Int>] = []
        self.prompt.forEachWord { words.append($0..<$1) }
        self.words = words
    }

    /// The tool with its pins; `nil` if the prompt does not name it, which is noted.
    mutating func narrow(_ tool: ToolScope, by pins: ToolPins) throws(ScopeError) -> ToolScope? {
        if let wanted = pins.words {
            guard work.spend(words.count * wanted.count * 2) else { throw .tooCostly }
            guard words.contains(where: { word in wanted.contains { $0.stands(in: prompt.folded[word]) } }) else {
                leaveOut(tool, nil, "not_asked_for", "none of the words that ask for this tool stands in the prompt")
                return nil
            }
        }
        var entries = tool.arguments
        var noted: [TaskScope.Pin] = []
        for pin in pins.arguments {
            let own = entries.first { $0.name.isExactly(pin.argument) }
            // A closed map without the argument permits none: nothing is to be pinned.
            guard own != nil || tool.admitsUnnamed else { continue }
            let mentions = try mentions(for: pin)
            if mentions.isEmpty, !pin.kind.isDestination { continue }
            guard let (constraint, values) = try constraint(for: pin, mentions, under: own?.constraint ?? .wildcard)
            else {
                let isNamed = !mentions.isEmpty
                if own?.isOptional == true, !tool.admitsUnnamed, entries.count > 1 {
                    entries.removeAll { $0.name.isExactly(pin.argument) }
                    continue
                }
                leaveOut(
                    tool, pin, isNamed ? "named_outside_ceiling" : "not_named",
                    isNamed
                        ? "what the prompt names for this argument cannot be given below the ceiling"
                        : "the prompt names no \(pin.kind.name) for this argument")
                return nil
            }
            let isOptional = own?.isOptional ?? pin.isOptional
            entries.removeAll { $0.name.isExactly(pin.argument) }
            entries.append(NamedConstraint(own?.name ?? pin.argument, constraint, isOptional: isOptional))
            noted.append(
                TaskScope.Pin(tool: tool.name, pin: pin, values: values, mentions: mentions.map { ($0.text, $0.place) })
            )
        }
        guard entries.count <= ScopeLimits.constraints else {
            throw ScopeError("limit_exceeded", "more than \(ScopeLimits.constraints) arguments")
        }
        let narrower = ToolScope(name: tool.name, ConstraintMap(entries, admitsUnnamed: tool.admitsUnnamed))
        // Holds by construction. It is looked at all the same: what is not provably below the ceiling is not given.
        guard tool.expansion(by: narrower, within: &work) == nil else {
            guard !work.isExhausted else { throw .tooCostly }
            leaveOut(tool, nil, "named_outside_ceiling", "what the prompt names cannot be written below the ceiling")
            return nil
        }
        self.pins += noted
        return narrower
    }

    @inline(never) private mutating func leaveOut(
        _ tool: ToolScope, _ pin: ArgumentPin?, _ reason: String, _ message: String
    ) {
        leftOut.append(TaskScope.LeftOut(tool: tool.name, argument: pin?.argument, reason: reason, message: message))
    }

    @inline(never) private mutating func mentions(for pin: ArgumentPin) throws(ScopeError) -> [Mention] {
        if let same = known.first(where: { $0.pin.kind == pin.kind && $0.pin.directory.isSame(as: pin.directory) }) {
            return same.mentions
        }
        guard work.spend(prompt.bytes.count * 16) else { throw .tooCostly }
        var mentions = Mention.all(of: pin.kind, in: prompt)
        if let list = pin.directory { mentions += try directory.mentions(list, in: prompt, within: &work) }
        guard mentions.count <= Self.mostMentions,
            mentions.reduce(0, { $0 + $1.values.count }) <= ScopeLimits.members / 2
        else {
            throw ScopeError(
                "limit_exceeded", "the prompt names more than \(Self.mostMentions) things of kind \(pin.kind.name)")
        }
        known.append((pin, mentions))
        return mentions
    }

    /// The constraint that admits what is named, below the ceiling's own, and the values that it lists; `nil` if nothing
    /// of it is.
    @inline(never) private mutating func constraint(
        for pin: ArgumentPin, _ mentions: [Mention], under own: Constraint
    ) throws(ScopeError) -> (Constraint, [JSONTree])? {
        var (values, listed): ([JSONTree], [JSON.Value]) = ([], [])
        for value in mentions.flatMap(\.values) {
            guard own.permits(try read(pin.isList ? [value] : value), within: &work) else { continue }
            let json = try read(value)
            var isKnown = false
            for known in listed where !isKnown { isKnown = known.isEqual(to: json, within: &work) }
            if isKnown { continue }
            values.append(value)
            listed.append(json)
        }
        guard !work.isExhausted else { throw .tooCostly }
        var clauses: [Constraint] = []
        for clause in mentions.compactMap(\.clause) where clauses.count < ScopeLimits.constraints - 2 {
            // One that cannot be written, such as a host that is not one, names what its text names.
            if let clause = try? Constraint(parsing: read(clause), within: &work) { clauses.append(clause) }
        }
        var nothing: [JSON.Value] = []
        if pin.isOptional {
            for none in pin.isList ? [JSONTree.null, []] : [.null] {
                let none = try read(none)
                if own.permits(none, within: &work) { nothing.append(none) }
            }
        }
        // As much as can be written below the ceiling: with the clauses, or the listed values alone.
        for clauses in clauses.isEmpty ? [[]] : [clauses, []] {
            guard let asked = asked(listed, clauses, nothing, isList: pin.isList) else { continue }
            if asked.isBelow(own, within: &work) { return (asked, values) }
            do throws(ScopeError) { return (try own.narrowed(to: asked, within: &work), values) } catch {
                guard !error.isTooCostly else { throw error }
            }
        }
        return nil
    }

    private mutating func asked(
        _ listed: [JSON.Value], _ clauses: [Constraint], _ nothing: [JSON.Value], isList: Bool
    ) -> Constraint? {
        var any = clauses
        let plain = isList ? listed : listed + nothing
        if isList, clauses.isEmpty {
            if !listed.isEmpty { any = [.subset(ValueSet(listed, within: &work))] }
        } else if plain.count == 1, plain[0].kind != .array, plain[0].kind != .object {
            any.insert(.exact(plain[0]), at: 0)
        } else if !plain.isEmpty {
            any.insert(.oneOf(ValueSet(plain, within: &work)), at: 0)
        }
        if isList, !clauses.isEmpty { any = [.each(any.count == 1 ? any[0] : .any(any))] }
        if isList, !nothing.isEmpty { any.append(.oneOf(ValueSet(nothing, within: &work))) }
        return any.count > 1 ? .any(any) : any.first
    }

    private func read(_ value: JSONTree) throws(ScopeError) -> JSON.Value {
        do throws(JSON.ParseError) { return try JSON(parsing: value.canonical()).root } catch {
            throw ScopeError("malformed", error.rule)
        }
    }
}
