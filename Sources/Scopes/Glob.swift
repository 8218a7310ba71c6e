internal import JOSE

/// The `glob` constraint: `*` any run without `/`, `**` any run, `?` one scalar but `/`, everything else itself.
///
/// Matched by simulating the pattern's automaton: time linear in the value, whatever the pattern. A pattern with a `/`
/// is about paths: it never matches a value with a NUL, a backslash, or a segment `.` or `..`.
struct Glob: Sendable, Equatable {
    private enum Token: Sendable, Equatable {
        case byte(UInt8)
        case any, run, path
    }

    static let longestPattern = 255

    @Exact private(set) var pattern: String
    private let tokens: [Token]
    /// The states before a run, which may be empty: who is there is behind it too. Two runs never follow one another.
    private let runs: StateSet
    /// The bytes before the first wildcard.
    private let literal: [UInt8]
    /// Whether the pattern holds a `/`.
    let isAboutPaths: Bool

    /// A pattern of at most 255 bytes.
    init?(pattern: String) {
        guard pattern.utf8.count <= Self.longestPattern else { return nil }
        var tokens: [Token] = []
        for byte in pattern.utf8 {
            switch byte {
            case UInt8(ascii: "*"):
                if tokens.last == .run || tokens.last == .path {
                    tokens[tokens.count - 1] = .path
                } else {
                    tokens.append(.run)
                }
            case UInt8(ascii: "?"): tokens.append(.any)
            default: tokens.append(.byte(byte))
            }
        }
        self.pattern = pattern
        self.tokens = tokens
        var runs = StateSet()
        for (i, token) in tokens.enumerated() where token == .run || token == .path { runs.insert(i) }
        self.runs = runs
        literal = Array(pattern.utf8.prefix { $0 != UInt8(ascii: "*") && $0 != UInt8(ascii: "?") })
        isAboutPaths = pattern.utf8.contains(UInt8(ascii: "/"))
    }

    var isLiteral: Bool { literal.count == tokens.count }

    /// Whether everything it matches lies below a root: its literal start does, up to the last `/` before a wildcard, and
    /// a pattern with a `/` matches no value that steps up.
    func isBelow(_ root: PathContainment) -> Bool {
        guard isAboutPaths else { return false }
        var literal = literal
        if !isLiteral {
            guard let slash = literal.lastIndex(of: UInt8(ascii: "/")) else { return false }
            literal.removeSubrange((slash + 1)...)
        }
        return root.contains(literal.span)
    }

    func matches(_ value: Span<UInt8>, _ budget: inout WorkBudget) -> Bool {
        guard budget.spend(value.count) else { return false }
        guard !isAboutPaths || Self.isPlainPath(value) else { return false }
        // There is but one way through what stands before the first wildcard.
        let (tokens, literal) = (tokens, literal)
        guard value.starts(with: literal.span) else { return false }
        if tokens.count == literal.count + 1 {
            // One run at the end, as most patterns have it.
            if tokens[literal.count] == .path { return true }
            if tokens[literal.count] == .run {
                return value.firstIndex(of: UInt8(ascii: "/"), from: literal.count) == nil
            }
        }
        var states = StateSet()
        states.insert(literal.count)
        states.insertSuccessors(ofThoseIn: runs)
        for i in literal.count..<value.count {
            let byte = value[i]
            guard budget.spend(4 + 2 * states.count) else { return false }
            var next = StateSet()
            states.forEach { state in
                guard state < tokens.count else { return }
                switch tokens[state] {
                case .byte(let expected): if byte == expected { next.insert(state + 1) }
                case .run: if byte != UInt8(ascii: "/") { next.insert(state) }
                case .path: next.insert(state)
                case .any:
                    // One scalar: its continuation bytes are taken in the same state's successor.
                    if byte & 0xC0 != 0x80, byte != UInt8(ascii: "/") { next.insert(state + 1) }
                }
                // A `?` just passed goes on through the rest of its scalar.
            }
            if byte & 0xC0 == 0x80 {
                states.forEach { state in
                    if state > 0, tokens[state - 1] == .any { next.insert(state) }
                }
            }
            next.insertSuccessors(ofThoseIn: runs)
            states = next
            if states.isEmpty { return false }
        }
        return states.contains(tokens.count)
    }

    private static func isPlainPath(_ value: Span<UInt8>) -> Bool {
        var start = 0
        var i = 0
        while i <= value.count {
            if i == value.count || value[i] == UInt8(ascii: "/") {
                let length = i - start
                if length == 1, value[start] == UInt8(ascii: ".") { return false }
                if length == 2, value[start] == UInt8(ascii: "."), value[start + 1] == UInt8(ascii: ".") {
                    return false
                }
                start = i + 1
            } else if value[i] == 0 || value[i] == UInt8(ascii: "\\") {
                return false
            }
            i += 1
        }
        return true
    }
}
