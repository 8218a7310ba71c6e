import Scopes
import StrictJSON
import TestSupport
import Testing

/// All ways of matching a glob say what the simplest one says.
@Suite struct GlobMatchingTests {
    /// By the definition, one scalar after the other.
    private static func isMatch(_ pattern: [Unicode.Scalar], _ value: [Unicode.Scalar]) -> Bool {
        var row = [Bool](repeating: false, count: pattern.count + 1)
        row[0] = true
        func pass(_ row: inout [Bool]) {
            for i in pattern.indices where row[i] && pattern[i] == "*" { row[i + 1] = true }
        }
        pass(&row)
        for scalar in value {
            var next = [Bool](repeating: false, count: pattern.count + 1)
            for i in pattern.indices where row[i] {
                switch pattern[i] {
                case "*":
                    let isPath = i > 0 && pattern[i - 1] == "*" || i + 1 < pattern.count && pattern[i + 1] == "*"
                    if isPath || scalar != "/" { next[i] = true }
                case "?": if scalar != "/" { next[i + 1] = true }
                case let own: if own == scalar { next[i + 1] = true }
                }
            }
            pass(&next)
            row = next
        }
        return row[pattern.count]
    }

    private static func isPlain(_ value: String) -> Bool {
        let segments = value.unicodeScalars.split(separator: "/", omittingEmptySubsequences: false).map(Array.init)
        return !value.unicodeScalars.contains { $0 == "\\" || $0 == "\0" }
            && !segments.contains { $0 == ["."] || $0 == [".", "."] }
    }

    /// Short values, and those of more than 192 bytes, which are matched by a table; short patterns, and those of more
    /// than 63 bytes, whose states are more than one word.
    @Test func everyWayOfMatchingIsTheDefinition() throws {
        var random = Seeded.announced("everyWayOfMatchingIsTheDefinition")
        let pieces = ["a", "b", "/", ".", "*", "**", "?", "é", "😀", "ab", "a?"]
        let texts = ["a", "b", "/", ".", "é", "😀", "ab", "aa"]
        func made(_ pieces: [String], upTo bytes: Int) -> String {
            var text = ""
            while text.utf8.count < bytes { text += pieces.randomElement(using: &random) ?? "a" }
            return text
        }
        var (matched, refused) = (0, 0)
        for round in 0..<3000 {
            var pattern = made(pieces, upTo: round % 3 == 0 ? 100 : Int.random(in: 0...12, using: &random))
            let size = round % 2 == 0 ? Int.random(in: 0...20, using: &random) : 300
            // Half of them are the pattern itself with its wildcards filled in.
            var value = made(texts, upTo: size)
            if Bool.random(using: &random) {
                value = ""
                for scalar in pattern.unicodeScalars {
                    switch scalar {
                    case "*": value += made(["a", "b", "é"], upTo: Int.random(in: 0...size / 4 + 1, using: &random))
                    case "?": value += texts.randomElement(using: &random) ?? "a"
                    default: value.unicodeScalars.append(scalar)
                    }
                }
            }
            if pattern.utf8.count > 255 { pattern = String(pattern.prefix(60)) }
            let expected =
                Self.isMatch(Array(pattern.unicodeScalars), Array(value.unicodeScalars))
                && (!pattern.utf8.contains(UInt8(ascii: "/")) || Self.isPlain(value))
            let scope = try Scope(text: "t(x like \(JSONTree.string(pattern).text))")
            let call = try JSON(parsing: #"{"x":\#(JSONTree.string(value).text)}"#).root
            #expect(scope.permits("t", call) == expected, "\(pattern) on \(value)")
            if expected { matched += 1 } else { refused += 1 }
        }
        #expect(matched > 200 && refused > 200, "\(matched) matched, \(refused) refused")
    }
}
