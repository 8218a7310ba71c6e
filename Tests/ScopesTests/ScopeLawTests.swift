import Foundation
import JOSE
import Scopes
import Testing
import TestSupport

/// The laws of the algebra on random scopes and values.
@Suite struct ScopeLawTests {
    static let values = [
        "null", "true", "0", "1", "2", "5", "10", #""a""#, #""b""#, #""/data""#, #""/data/q3""#, #""/data/q3/../x""#,
        #""/etc""#,
        "[]", "[1]", #"["a","b"]"#, #"["a",1,2]"#, #""10.1.2.3""#, #""2001:db8::1""#, #""1.50""#, #""-3""#,
        #""https://a.acme.example/v1/x""#, #""http://acme.example:8080/""#,
    ]

    static func constraint(_ random: inout Seeded, depth: Int = 0) -> String {
        func list(_ random: inout Seeded) -> String {
            "["
                + (0..<Int.random(in: 1...4, using: &random)).map { _ in values.randomElement(using: &random) ?? "1" }
                .joined(separator: ",") + "]"
        }
        switch Int.random(in: 0..<(depth < 2 ? 15 : 13), using: &random) {
        case 0: return "== " + (values.filter { !$0.hasPrefix("[") }.randomElement(using: &random) ?? "1")
        case 1: return ">= \(Int.random(in: 0...5, using: &random))"
        case 2: return "< \(Int.random(in: 2...10, using: &random))"
        case 3, 4: return "in " + list(&random)
        case 5: return "not in " + list(&random)
        case 6: return ["under '/data'", "under '/data/q3'", "under '/'"].randomElement(using: &random) ?? "*"
        case 7: return ["like '/data/**'", "like '*'", "like '?'", "like '/*/q3'"].randomElement(using: &random) ?? "*"
        case 8: return ["contains ", "subset of "][Int.random(in: 0...1, using: &random)] + list(&random)
        case 9: return "*"
        case 10:
            return [
                "uri {'hosts':['*.acme.example']}", "uri {'schemes':['https'],'path':'/v1'}", "uri {'path':'/'}",
                "uri {'hosts':['acme.example','a.acme.example'],'ports':[443,8080]}",
            ].randomElement(using: &random) ?? "*"
        case 11:
            return ["cidr ['10.0.0.0/8']", "cidr ['10.1.0.0/16','2001:db8::/32']", "cidr ['0.0.0.0/0','::/0']"]
                .randomElement(using: &random) ?? "*"
        case 12:
            return ["decimal >= '0'", "decimal <= '1.5'", "decimal >= '-3' <= '1.500'"].randomElement(using: &random)
                ?? "*"
        default:
            let clauses = (0..<Int.random(in: 1...3, using: &random)).map { _ in constraint(&random, depth: depth + 1) }
            return ["all(", "any("][Int.random(in: 0...1, using: &random)] + clauses.joined(separator: ", ") + ")"
        }
    }

    /// A reader that may share constraints with a parent reads what one reads that may not.
    @Test func readingUnderAParentChangesNothing() throws {
        var random = Seeded.announced("readingUnderAParentChangesNothing")
        func tool(_ random: inout Seeded, _ shared: [String]) -> String {
            shared.enumerated().map { i, constraint in
                "a\(i) \(Bool.random(using: &random) ? constraint : Self.constraint(&random))"
            }.joined(separator: ", ")
        }
        for _ in 0..<2000 {
            let shared = (0..<3).map { _ in Self.constraint(&random) }
            guard let above = try? Scope("t(\(tool(&random, shared)))"),
                let below = try? Scope("t(\(tool(&random, shared)))")
            else { continue }
            let parent = try Scope(parsing: JSON(parsing: above.tree.canonical()).root)
            let json = try JSON(parsing: below.tree.canonical()).root
            let (alone, under) = (try Scope(parsing: json), try Scope(parsing: json, narrowing: parent))
            #expect(alone == under)
            #expect(parent.subsumes(alone) == parent.subsumes(under))
        }
    }

    @Test func meetIsTheIntersectionAndBelowBoth() throws {
        var random = Seeded.announced("meetIsTheIntersectionAndBelowBoth")
        let calls = try Self.values.map { try JSON(parsing: #"{"x":\#($0)}"#).root }
        var (triples, permitted) = (0, 0)
        while triples < 100_000 {
            let a = try Scope(text: "t(x \(Self.constraint(&random)))").normalized()
            let b = try Scope(text: "t(x \(Self.constraint(&random)))").normalized()
            let both = { (call: JSON.Value) in a.permits("t", call) && b.permits("t", call) }
            let meet: Scope
            do { meet = try a.meet(b) } catch {
                for call in calls { #expect(!both(call), "empty, yet both permit: \(a.text) ∩ \(b.text)") }
                triples += calls.count
                continue
            }
            #expect(a.subsumes(meet) && b.subsumes(meet), "\(meet.text) is not below \(a.text) and \(b.text)")
            #expect(try meet == b.meet(a) && meet == meet.meet(meet) && a == a.meet(a), "\(a.text) ∩ \(b.text)")
            let narrowed = try a.narrowed(to: b)
            #expect(a.subsumes(narrowed))
            for call in calls {
                #expect(meet.permits("t", call) == both(call), "\(a.text) ∩ \(b.text) = \(meet.text)")
                #expect(narrowed.permits("t", call) == both(call))
                if both(call) { permitted += 1 }
                if a.subsumes(b), b.permits("t", call) { #expect(a.permits("t", call), "\(b.text) below \(a.text)") }
                triples += 1
            }
        }
        #expect(permitted > triples / 50, "the generator permits too little: \(permitted) of \(triples)")
    }

    @Test func bothFormsAreLossless() throws {
        var random = Seeded.announced("bothFormsAreLossless")
        for _ in 0..<5_000 {
            let scope = try Scope(text: "t(x \(Self.constraint(&random))); open; \"odd name\"(y: *)")
            #expect(try Scope(text: scope.text) == scope, "\(scope.text)")
            #expect(try Scope(scope.tree.text) == scope, "\(scope.text)")
        }
    }

    @Test func pathsThatStepOutAreRefused() throws {
        let scope = try Scope("read(path under '/data/q3')")
        for path in ["/data/q3", "/data/q3/", "/data//q3/./a", "/data/x/../q3/a", "/data/q3/..a"] {
            #expect(scope.permits("read", try JSON(parsing: #"{"path":"\#(path)"}"#).root), "\(path)")
        }
        for path in [
            "/data/q3/../x", "/data/q33", "data/q3/a", "/data/q3/a\\u0000", "/data/q3\\\\..\\\\x", "", "/",
            "/data/q3/%2e%2e/../../x",
        ] {
            #expect(!scope.permits("read", try JSON(parsing: #"{"path":"\#(path)"}"#).root), "\(path)")
        }
    }

    @Test func canonicallyEquivalentNamesAreDifferentTools() throws {
        let scope = try Scope("{\"caf\u{e9}\":{}}")
        let empty = try JSON(parsing: "{}").root
        #expect(scope.permits("caf\u{e9}", empty))
        #expect(!scope.permits("cafe\u{301}", empty))
    }
}
