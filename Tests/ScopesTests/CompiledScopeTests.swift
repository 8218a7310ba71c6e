import StrictJSON
import TestSupport
import Testing

@testable import Scopes

/// A compiled scope decides as the scope does, whichever of its forms is asked.
@Suite struct CompiledScopeTests {
    private static func spent(_ body: (inout WorkBudget) -> Bool) -> (answer: Bool, steps: Int) {
        var work = WorkBudget(steps: 1 << 40)
        let answer = body(&work)
        return (answer, work.spent)
    }

    @Test func theFlatOneSaysWhatTheScopeSaysAtTheSamePrice() throws {
        var random = Seeded.announced("theFlatOneSaysWhatTheScopeSaysAtTheSamePrice")
        var (flats, permits, refusals) = (0, 0, 0)
        for _ in 0..<6000 {
            let text = "t(\(ScopeLawTests.arguments(&random))); u(a: *)"
            guard let scope = try? Scope(text) else { continue }
            let compiled = CompiledScope(scope)
            let flat = unsafe FlatScope(scope)
            defer { unsafe flat?.deallocate() }
            #expect(unsafe compiled.isShareable == (flat != nil))
            for _ in 0..<12 {
                let call = try ScopeLawTests.call(&random)
                let tool = ["t", "t", "t", "u", "v"].randomElement(using: &random) ?? "t"
                let own = Self.spent { scope.refusal(of: tool, arguments: call, within: &$0) == nil }
                let whole = Self.spent { compiled.refusal(of: tool, arguments: call, within: &$0) == nil }
                #expect(own == whole, "\(text) \(tool) \(call.source)")
                guard let flat = unsafe flat else { continue }
                flats += 1
                let given = Self.spent { work in
                    tool.withUTF8Span { unsafe flat.permits($0, call, within: &work) }
                }
                #expect(given.answer == own.answer, "\(text) \(tool) \(call.source)")
                if own.answer { permits += 1 } else { refusals += 1 }
                if own.answer { #expect(given.steps == own.steps, "\(text) \(tool) \(call.source)") }
            }
        }
        #expect(flats > 5000 && permits > 500 && refusals > 500)
    }

    @Test func pathsAndGlobsOfAnyShapeAreToldAlike() throws {
        var random = Seeded.announced("pathsAndGlobsOfAnyShapeAreToldAlike")
        let parts = ["", ".", "..", "a", "b", "ab", "*", "?", "**", "a\u{301}"]
        func path(_ random: inout Seeded, wild: Bool) -> String {
            (0..<Int.random(in: 1...4, using: &random)).map { _ in
                "/" + (parts.filter { wild || !$0.contains("*") }.randomElement(using: &random) ?? "")
            }.joined()
        }
        for _ in 0..<3000 {
            let (root, pattern) = (path(&random, wild: false), path(&random, wild: true))
            let scope = try Scope("t(a?: under '\(root)', b?: like '\(pattern)')")
            let compiled = CompiledScope(scope)
            #expect(compiled.isShareable)
            for name in ["a", "b"] {
                let value = path(&random, wild: false) + (Bool.random(using: &random) ? "" : "/\(root)x")
                let tree: JSONTree = [name: .string(value)]
                let call = try JSON(parsing: tree.canonical()).root
                let own = Self.spent { scope.refusal(of: "t", arguments: call, within: &$0) == nil }
                let flat = unsafe try #require(FlatScope(scope))
                defer { unsafe flat.deallocate() }
                let given = Self.spent { work in "t".withUTF8Span { unsafe flat.permits($0, call, within: &work) } }
                #expect(
                    given.answer == own.answer && (!own.answer || given.steps == own.steps),
                    "\(root) \(pattern) \(value)")
            }
        }
    }

    @Test func aLongCallIsAskedOfTheScope() throws {
        let compiled = CompiledScope(try Scope("t(a: like 'x*')"))
        let tree: JSONTree = ["a": .string(String(repeating: "x", count: 1 << 15))]
        let call = try JSON(parsing: tree.canonical()).root
        var work = WorkBudget(steps: 1 << 20)
        #expect(compiled.refusal(of: "t", arguments: call, within: &work) == nil)
        #expect(compiled.refusal(of: "u", arguments: call, within: &work)?.reason == .toolNotAuthorized)
        var none = WorkBudget(steps: 3)
        #expect(compiled.refusal(of: "t", arguments: call, within: &none)?.reason == .tooCostly)
    }

    @Test func onlyScopesOfTheSameBytesAreShared() throws {
        let text = "t(a: >= 1); u(b: under '/data')"
        func read(_ text: String) throws -> Scope { try Scope(Scope(text).tree.text) }
        let compiled = CompiledScope(try read(text))
        #expect(compiled.hasSameSource(as: try read(text)))
        for other in [
            "t(a: >= 1)", "t(a: >= 1); u(b: under '/dat')", "t(a: >= 1); v(b: under '/data')", "t(a: >= 1); u",
        ] {
            #expect(!compiled.hasSameSource(as: try read(other)), "\(other)")
        }
        // Of one that was not read nothing is known.
        #expect(!CompiledScope(try Scope(text)).hasSameSource(as: try Scope(text)))
    }
}
