internal import StrictJSON

/// Compares two globs without their automata, in time linear in their texts.
struct GlobPair {
    let child: Glob
    let parent: Glob

    /// Whether the parent matches everything that the child does; `nil` if the texts alone cannot tell.
    func holds(within work: inout WorkBudget) -> Bool? {
        guard work.spend(16 + child.tokens.count * 4) else { return false }
        if child == parent || parent.tokens == [.path] || matchesNothing { return true }
        // Values of the child that differ as much as they can from what the parent might ask for.
        let stranger = parent.stranger
        for filling in [Filling.stranger, .nothing, .segments] {
            let value = child.value(filling, stranger: stranger)
            if child.matches(value.span, within: &work), !parent.matches(value.span, within: &work) { return false }
        }
        if child.isLiteral { return true }
        return isBelowStart ? true : nil
    }

    /// Whether the child matches no valid path: it asks for a NUL, a backslash, or a segment `.` or `..`.
    private var matchesNothing: Bool {
        guard child.isAboutPaths else { return false }
        var segment: [UInt8]? = []
        for token in child.tokens {
            switch token {
            case .byte(UInt8(ascii: "/")):
                if segment == [46] || segment == [46, 46] { return true }
                segment = []
            case .byte(0), .byte(UInt8(ascii: "\\")): return true
            case .byte(let byte): segment?.append(byte)
            case .any, .run, .path: segment = nil
            }
        }
        return segment == [46] || segment == [46, 46]
    }

    /// Whether the parent is a prefix and one run, and the child has that prefix followed only by what the run takes.
    private var isBelowStart: Bool {
        guard child.isAboutPaths || !parent.isAboutPaths, let run = parent.tokens.last, run.isRun,
            parent.tokens.count == parent.literal.count + 1, child.literal.starts(with: parent.literal)
        else { return false }
        let rest = child.tokens[parent.literal.count...]
        return run == .path || !rest.contains { $0 == .path || $0 == .byte(UInt8(ascii: "/")) }
    }
}

/// The text put in place of the wildcards to make a value that a glob matches.
private enum Filling { case stranger, nothing, segments }

extension Glob {
    /// A letter or digit that is not in this pattern, if there is one.
    fileprivate var stranger: UInt8 {
        var named = StateSet()
        for byte in pattern.utf8 { named.insert(Int(byte)) }
        return (UInt8(ascii: "0")...UInt8(ascii: "z")).first {
            !named.contains(Int($0)) && $0 != UInt8(ascii: "\\") && $0 != UInt8(ascii: "?")
        } ?? UInt8(ascii: "~")
    }

    /// A value that this pattern matches, unless the value is not a plain path.
    fileprivate func value(_ filling: Filling, stranger: UInt8) -> [UInt8] {
        var value: [UInt8] = []
        value.reserveCapacity(tokens.count + 16)
        for token in tokens {
            switch (token, filling) {
            case (.byte(let byte), _): value.append(byte)
            case (.any, _), (.run, .stranger), (.path, .stranger), (.run, .segments): value.append(stranger)
            case (.run, .nothing), (.path, .nothing): break
            case (.path, .segments): value += [stranger, UInt8(ascii: "/"), stranger]
            }
        }
        return value
    }
}
