import Scopes
import StrictJSON
import TestSupport
import Testing

/// Globs: what they match, and which is below which.
@Suite struct GlobTests {
    private static func scope(_ pattern: String) throws -> Scope {
        try Scope(text: "t(x like \(JSONTree.string(pattern).text))")
    }

    private static func matches(_ pattern: String, _ value: String) throws -> Bool {
        try scope(pattern).permits("t", JSON(parsing: #"{"x":\#(JSONTree.string(value).text)}"#).root)
    }

    /// All strings of up to `length` letters of `alphabet`.
    private static func strings(_ alphabet: [String], upTo length: Int) -> [String] {
        var all = [""]
        var longest = [""]
        for _ in 0..<length {
            longest = longest.flatMap { start in alphabet.map { start + $0 } }
            all += longest
        }
        return all
    }

    @Test func inclusionIsWhatBruteForceFinds() throws {
        var random = Seeded.announced("inclusionIsWhatBruteForceFinds")
        let values = Self.strings(["a", "b", "/", ".", "é"], upTo: 5)
        let calls = try values.map { try JSON(parsing: #"{"x":\#(JSONTree.string($0).text)}"#).root }
        let pieces = ["a", "b", "/", ".", "*", "**", "?", "é"]
        func pattern() -> String {
            (0..<Int.random(in: 0...3, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "a" }
                .joined()
        }
        var (included, different) = (0, 0)
        for _ in 0..<400 {
            let (p, c) = (pattern(), pattern())
            let (parent, child) = (try Self.scope(p), try Self.scope(c))
            let counterexample = calls.firstIndex { child.permits("t", $0) && !parent.permits("t", $0) }
            #expect(
                parent.subsumes(child) == (counterexample == nil),
                "\(c) below \(p): \(counterexample.map { values[$0] } ?? "no counterexample")")
            if counterexample == nil { included += 1 } else { different += 1 }
        }
        #expect(included > 20 && different > 20)
    }

    @Test func inclusionPastItsBudgetIsRefused() throws {
        let hard = (0..<40).map { "*a\($0 % 3 == 0 ? "?" : "b")" }.joined()
        #expect(try !Self.scope("**" + hard).subsumes(Self.scope("*" + String(hard.reversed()))))
    }

    @Test func starRunsTakeLinearTime() throws {
        let pattern = String(repeating: "*a", count: 100) + "b"
        let scope = try Self.scope(pattern)
        let value = String(repeating: "a", count: 100_000)
        #expect(try !scope.permits("t", JSON(parsing: #"{"x":"\#(value)"}"#).root))
        #expect(throws: ScopeError.self) { try Self.scope(String(repeating: "a", count: 256)) }
    }

    @Test func aQuestionMarkIsOneScalar() throws {
        for value in ["a", "é", "€", "😀"] { #expect(try Self.matches("?", value), "\(value)") }
        for value in ["", "ab", "/", "éé", "e\u{301}"] { #expect(try !Self.matches("?", value), "\(value)") }
        #expect(try Self.matches("?\u{301}", "e\u{301}"))
        #expect(try Self.matches("??x*", "é€x😀"))
    }

    @Test func patternsWithASlashMatchPlainPathsOnly() throws {
        for value in ["/data/../x", "/data/./x", "/data/x/..", "/data/\\x", "/data/x\0"] {
            #expect(try !Self.matches("/data/**", value), "\(value)")
        }
        #expect(try Self.matches("/data/**", "/data/..x/...") && Self.matches("**", "../x"))
    }

    @Test(.enabled(if: Corpus.isPresent, "left out: ../shared is absent"))
    func outsidePatternsMatchAsTheySay() throws {
        for test in try Corpus.json("glob/minimatch_redos.json").elements {
            let parts = Array(test.elements)
            let (pattern, value) = (parts[0].string ?? "", parts[1].string ?? "")
            guard pattern.utf8.count <= 255, !pattern.contains(where: { "!([{\\".contains($0) }) else { continue }
            // Runs of three stars and more are `**` here, which reaches across `/`.
            #expect(try Self.matches(pattern, value) == (parts[2].bool == true), "\(pattern)")
        }
    }
}
