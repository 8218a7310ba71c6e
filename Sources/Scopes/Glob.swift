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

    let pattern: String
    private let tokens: [Token]
    private let isAboutPaths: Bool

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
        isAboutPaths = pattern.utf8.contains(UInt8(ascii: "/"))
    }

    var isLiteral: Bool { tokens.allSatisfy { if case .byte = $0 { true } else { false } } }

    func matches(_ value: Span<UInt8>) -> Bool {
        guard !isAboutPaths || Self.isPlainPath(value) else { return false }
        let tokens = tokens
        var states = States()
        states.insert(0)
        Self.skipRuns(&states, tokens)
        for i in value.indices {
            let byte = value[i]
            var next = States()
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
            Self.skipRuns(&next, tokens)
            states = next
            if states.isEmpty { return false }
        }
        return states.contains(tokens.count)
    }

    /// A run may be empty.
    private static func skipRuns(_ states: inout States, _ tokens: [Token]) {
        for (i, token) in tokens.enumerated() where (token == .run || token == .path) && states.contains(i) {
            states.insert(i + 1)
        }
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

    /// A set of automaton states, 0 to 255, without allocation.
    private struct States {
        private var words = SIMD4<UInt64>(repeating: 0)

        var isEmpty: Bool { words == SIMD4<UInt64>(repeating: 0) }
        func contains(_ state: Int) -> Bool { words[state >> 6 & 3] >> UInt64(state & 63) & 1 == 1 }
        mutating func insert(_ state: Int) { words[state >> 6 & 3] |= 1 << UInt64(state & 63) }
        func forEach(_ body: (Int) -> Void) {
            for word in 0..<4 {
                var bits = words[word]
                while bits != 0 {
                    body(word << 6 | bits.trailingZeroBitCount)
                    bits &= bits - 1
                }
            }
        }
    }
}
