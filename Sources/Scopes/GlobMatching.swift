internal import StrictJSON

extension Glob {
    /// The length of a value's rest, in bytes, above which building a table of the pattern's bytes pays.
    private static var longestWithoutTable: Int { 192 }

    /// Whether the glob matches a value; allocates nothing.
    func matches(_ value: Span<UInt8>, within work: inout WorkBudget) -> Bool {
        let (tokens, literal) = (tokens, literal)
        return Self.matches(value, tokens.span, literal: literal.span, isAboutPaths: isAboutPaths, within: &work)
    }

    /// The same for a glob in anybody's memory: all its tokens, and the bytes before the first wildcard.
    static func matches(
        _ value: Span<UInt8>, _ tokens: Span<Token>, literal: Span<UInt8>, isAboutPaths: Bool,
        within work: inout WorkBudget
    ) -> Bool {
        guard work.spend(10 + value.count >> 1) else { return false }
        guard !isAboutPaths || Self.isPlainPath(value) else { return false }
        // There is only one way through the text before the first wildcard.
        guard value.starts(with: literal) else { return false }
        if tokens.count == literal.count { return value.count == literal.count }
        if tokens.count == literal.count + 1 {
            // One run at the end, as most patterns have it.
            if tokens[literal.count] == .path { return true }
            if tokens[literal.count] == .run {
                return value.firstIndex(of: UInt8(ascii: "/"), from: literal.count) == nil
            }
        }
        let rest = value.extracting(literal.count..<value.count)
        guard rest.count > Self.longestWithoutTable else {
            return visit(rest, tokens, from: literal.count, within: &work)
        }
        guard tokens.count - literal.count < 64 else {
            guard work.spend(100 + rest.count * 3) else { return false }
            return move(rest, tokens, from: literal.count, StateSet.self)
        }
        guard work.spend(100 + rest.count) else { return false }
        return move(rest, tokens, from: literal.count, UInt64.self)
    }

    /// Moves state by state: each byte of the value costs as much as there are states the pattern may be in.
    private static func visit(
        _ rest: Span<UInt8>, _ tokens: Span<Token>, from base: Int, within work: inout WorkBudget
    ) -> Bool {
        // The states before a run, which may be empty: an automaton in one is in the state after it too. No two runs are
        // adjacent.
        var runs = StateSet()
        for i in tokens.indices where tokens[i].isRun { runs.insert(i) }
        var states = StateSet()
        states.insert(base)
        states = states | (states & runs).successors
        for i in rest.indices {
            let byte = rest[i]
            let isContinuation = byte & 0xC0 == 0x80
            var next = StateSet()
            var visited = 2
            states.forEach { state in
                visited &+= 1
                // A `?` just passed also takes the rest of its scalar.
                if isContinuation, state > 0, tokens[state - 1] == .any { next.insert(state) }
                guard state < tokens.count else { return }
                switch tokens[state] {
                case .byte(let expected): if byte == expected { next.insert(state + 1) }
                case .run: if byte != UInt8(ascii: "/") { next.insert(state) }
                case .path: next.insert(state)
                case .any: if !isContinuation, byte != UInt8(ascii: "/") { next.insert(state + 1) }
                }
            }
            guard work.spend(visited) else { return false }
            states = next | (next & runs).successors
            if states.isEmpty { return false }
        }
        return states.contains(tokens.count)
    }

    /// Moves all states at once, as bits (Shift-And): each byte of the value costs the same, whatever the pattern.
    private static func move<States: AutomatonStates>(
        _ rest: Span<UInt8>, _ tokens: Span<Token>, from base: Int, _: States.Type
    ) -> Bool {
        // States are counted from the first wildcard.
        var taking = InlineArray<256, States>(repeating: States())
        var (anys, past, runs, paths, last) = (States(), States(), States(), States(), States())
        for i in base..<tokens.count {
            switch tokens[i] {
            case .byte(let byte): taking[Int(byte)].insert(i - base)
            case .any:
                anys.insert(i - base)
                past.insert(i - base + 1)
            case .run: runs.insert(i - base)
            case .path:
                paths.insert(i - base)
                if i == tokens.count - 1 { last.insert(i - base) }
            }
        }
        let anyRuns = runs | paths
        var states = States()
        states.insert(0)
        states = states | (states & anyRuns).successors
        for i in rest.indices {
            let byte = rest[i]
            let (steps, stays): (States, States)
            if byte == UInt8(ascii: "/") {
                (steps, stays) = (taking[Int(byte)], paths)
            } else if byte & 0xC0 == 0x80 {
                // One scalar: its continuation bytes are taken in the state past its `?`.
                (steps, stays) = (taking[Int(byte)], anyRuns | past)
            } else {
                (steps, stays) = (taking[Int(byte)] | anys, anyRuns)
            }
            let next = (states & steps).successors | (states & stays)
            states = next | (next & anyRuns).successors
            if states.isEmpty { return false }
            // Any continuation matches.
            if !(states & last).isEmpty { return true }
        }
        return states.contains(tokens.count - base)
    }
}
