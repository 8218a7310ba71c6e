internal import StrictJSON

/// The `glob` constraint: `*` any run without `/`, `**` any run, `?` one scalar but `/`, everything else itself.
///
/// Matched by simulating the pattern's automaton (``GlobMatching``): time linear in the value, whatever the pattern. A
/// pattern with a `/` is about paths: it never matches a value with a NUL, a backslash, or a segment `.` or `..`.
struct Glob: Sendable, Equatable {
    enum Token: Sendable, Equatable {
        case byte(UInt8)
        case any, run, path

        var isRun: Bool { self == .run || self == .path }
    }

    static let longestPattern = 255

    let pattern: String
    let tokens: [Token]
    /// The bytes before the first wildcard.
    let literal: [UInt8]
    /// Whether the pattern holds a `/`.
    let isAboutPaths: Bool

    /// A pattern of at most 255 bytes.
    init?(pattern: String) {
        guard pattern.utf8.count <= Self.longestPattern else { return nil }
        var tokens: [Token] = []
        for byte in pattern.utf8 {
            switch byte {
            case UInt8(ascii: "*"):
                if tokens.last?.isRun == true {
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
        literal = Array(pattern.utf8.prefix { $0 != UInt8(ascii: "*") && $0 != UInt8(ascii: "?") })
        isAboutPaths = pattern.utf8.contains(UInt8(ascii: "/"))
    }

    var isLiteral: Bool { literal.count == tokens.count }

    static func == (a: Glob, b: Glob) -> Bool { a.pattern.isSame(as: b.pattern) }

    /// Whether everything it matches is below a root. That holds if its literal start is, up to the last `/` before a
    /// wildcard: a pattern with a `/` matches no value with `..`.
    func isBelow(_ root: PathContainment) -> Bool {
        guard isAboutPaths else { return false }
        var literal = literal
        if !isLiteral {
            guard let slash = literal.lastIndex(of: UInt8(ascii: "/")) else { return false }
            literal.removeSubrange((slash + 1)...)
        }
        return root.contains(literal.span)
    }

    static func isPlainPath(_ value: Span<UInt8>) -> Bool {
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
