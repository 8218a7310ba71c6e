import Foundation
import Scopes
import StrictJSON
import TestSupport
import Testing

/// The laws of the algebra on random scopes and values.
@Suite struct ScopeLawTests {
    static let values = [
        "null", "true", "0", "1", "2", "5", "10", #""a""#, #""b""#, #""/data""#, #""/data/q3""#,
        #""/data/q3/../x""#,
        #""/etc""#,
        "[]", "[1]", #"["a","b"]"#, #"["a",1,2]"#, #""10.1.2.3""#, #""2001:db8::1""#, #""1.50""#,
        #""-3""#,
        #""https://a.acme.example/v1/x""#, #""http://acme.example:8080/""#,
        "{}", #"{"a":1}"#, #"{"a":5,"b":"/data/q3"}"#, #"{"b":"/etc","a":2}"#, #"{"*":1}"#,
        #"["/data/a","/data/q3/b"]"#, #"[{"a":1},{"a":5}]"#, "[[1],[2]]",
    ]

    static func constraint(_ random: inout Seeded, depth: Int = 0) -> String {
        func list(_ random: inout Seeded) -> String {
            "["
                + (0..<Int.random(in: 1...4, using: &random)).map { _ in
                    values.randomElement(using: &random) ?? "1"
                }
                .joined(separator: ",") + "]"
        }
        switch Int.random(in: 0..<(depth < 2 ? 19 : 13), using: &random) {
        case 0:
            return "== "
                + (values.filter { !$0.hasPrefix("[") && !$0.hasPrefix("{") }.randomElement(using: &random) ?? "1")
        case 1: return ">= \(Int.random(in: 0...5, using: &random))"
        case 2: return "< \(Int.random(in: 2...10, using: &random))"
        case 3, 4: return "in " + list(&random)
        case 5: return "not in " + list(&random)
        case 6:
            return ["under '/data'", "under '/data/q3'", "under '/'"].randomElement(using: &random) ?? "*"
        case 7:
            return ["like '/data/**'", "like '*'", "like '?'", "like '/*/q3'"].randomElement(
                using: &random) ?? "*"
        case 8:
            return ["contains ", "subset of "][Int.random(in: 0...1, using: &random)] + list(&random)
        case 9: return "*"
        case 10:
            return [
                "uri {'hosts':['*.acme.example']}", "uri {'schemes':['https'],'path':'/v1'}",
                "uri {'path':'/'}",
                "uri {'hosts':['acme.example','a.acme.example'],'ports':[443,8080]}",
            ].randomElement(using: &random) ?? "*"
        case 11:
            return [
                "cidr ['10.0.0.0/8']", "cidr ['10.1.0.0/16','2001:db8::/32']", "cidr ['0.0.0.0/0','::/0']",
            ]
            .randomElement(using: &random) ?? "*"
        case 12:
            return ["decimal >= '0'", "decimal <= '1.5'", "decimal >= '-3' <= '1.500'"].randomElement(
                using: &random)
                ?? "*"
        case 13, 14: return "each(\(constraint(&random, depth: depth + 1)))"
        case 15, 16: return "members(\(arguments(&random, depth: depth + 1)))"
        default:
            let clauses = (0..<Int.random(in: 1...3, using: &random)).map { _ in
                constraint(&random, depth: depth + 1)
            }
            return ["all(", "any("][Int.random(in: 0...1, using: &random)]
                + clauses.joined(separator: ", ") + ")"
        }
    }

    /// Some of a few names, some of them optional, and at times others.
    static func arguments(_ random: inout Seeded, depth: Int = 0) -> String {
        var list: [String] = []
        for name in ["a", "b", "c"] where Int.random(in: 0..<5, using: &random) < 3 {
            let sign = Bool.random(using: &random) ? "?:" : ":"
            list.append("\(name)\(sign) \(constraint(&random, depth: depth))")
        }
        if Int.random(in: 0..<3, using: &random) == 0 { list.append("*: *") }
        return list.joined(separator: ", ")
    }

    /// A call with some of these names, and of others.
    static func call(_ random: inout Seeded) throws -> JSON.Value {
        var members: [String] = []
        for name in ["a", "b", "c", "d", "*"] {
            guard Int.random(in: 0..<8, using: &random) < (name > "c" || name == "*" ? 1 : 4) else {
                continue
            }
            members.append("\"\(name)\":\(values.randomElement(using: &random) ?? "1")")
        }
        return try JSON(parsing: "{\(members.joined(separator: ","))}").root
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
            #expect(
                a.subsumes(meet) && b.subsumes(meet), "\(meet.text) is not below \(a.text) and \(b.text)")
            #expect(
                try meet == b.meet(a) && meet == meet.meet(meet) && a == a.meet(a), "\(a.text) ∩ \(b.text)")
            let narrowed = try a.narrowed(to: b)
            #expect(a.subsumes(narrowed))
            for call in calls {
                #expect(meet.permits("t", call) == both(call), "\(a.text) ∩ \(b.text) = \(meet.text)")
                #expect(narrowed.permits("t", call) == both(call))
                if both(call) { permitted += 1 }
                if a.subsumes(b), b.permits("t", call) {
                    #expect(a.permits("t", call), "\(b.text) below \(a.text)")
                }
                triples += 1
            }
        }
        #expect(
            permitted > triples / 50, "the generator permits too little: \(permitted) of \(triples)")
    }

    /// The laws, with names: optional, unnamed, of one side only.
    @Test func meetIsTheIntersectionOfWholeCalls() throws {
        var random = Seeded.announced("meetIsTheIntersectionOfWholeCalls")
        var (triples, permitted, below) = (0, 0, 0)
        for _ in 0..<2000 {
            let a = try Scope(text: "t(\(Self.arguments(&random)))").normalized()
            let b = try Scope(text: "t(\(Self.arguments(&random)))").normalized()
            let calls = try (0..<20).map { _ in try Self.call(&random) }
            let both = { (call: JSON.Value) in a.permits("t", call) && b.permits("t", call) }
            guard let meet = try? a.meet(b) else {
                // That only the call without arguments is left cannot be written.
                for call in calls where call.count > 0 {
                    #expect(!both(call), "\(a.text) ∩ \(b.text): \(call)")
                }
                continue
            }
            #expect(
                a.subsumes(meet) && b.subsumes(meet), "\(meet.text) is not below \(a.text) and \(b.text)")
            // What permits nothing is met with nothing, not even itself.
            for scope in [a, meet] {
                if let same = try? scope.meet(scope) { #expect(same == scope, "\(scope.text)") }
            }
            guard let turned = try? b.meet(a), let narrowed = try? a.narrowed(to: b) else {
                Issue.record("\(a.text) ∩ \(b.text) = \(meet.text), but not turned")
                continue
            }
            #expect(meet == turned, "\(a.text) ∩ \(b.text)")
            #expect(try Scope(text: meet.text) == meet && Scope(meet.tree.text) == meet)
            #expect(a.subsumes(narrowed))
            let isBelow = a.subsumes(b)
            below += isBelow ? 1 : 0
            for call in calls {
                triples += 1
                #expect(meet.permits("t", call) == both(call), "\(a.text) ∩ \(b.text) = \(meet.text)")
                #expect(narrowed.permits("t", call) == both(call))
                permitted += both(call) ? 1 : 0
                if isBelow, b.permits("t", call) {
                    #expect(a.permits("t", call), "\(b.text) below \(a.text)")
                }
            }
        }
        #expect(
            permitted > triples / 50 && below > 50,
            "\(permitted) of \(triples) permitted, \(below) below")
    }

    /// However a parent was issued, what is narrowed from it is below it.
    @Test func whatIsNarrowedIsBelowAndTheIntersectionWhateverTheForm() throws {
        var random = Seeded.announced("whatIsNarrowedIsBelowAndTheIntersectionWhateverTheForm")
        var narrowed = 0
        for _ in 0..<2000 {
            let parent = try Scope(text: "t(\(Self.arguments(&random)))")
            let request = try Scope(text: "t(\(Self.arguments(&random)))")
            guard let child = try? parent.narrowed(to: request) else { continue }
            narrowed += 1
            #expect(parent.subsumes(child), "\(parent.text) to \(request.text): \(child.text)")
            for _ in 0..<10 {
                let call = try Self.call(&random)
                let both = parent.permits("t", call) && request.permits("t", call)
                #expect(
                    child.permits("t", call) == both, "\(parent.text) to \(request.text): \(child.text)")
            }
        }
        #expect(narrowed > 200)
    }

    @Test func bothFormsAreLossless() throws {
        var random = Seeded.announced("bothFormsAreLossless")
        for _ in 0..<5_000 {
            let arguments = Self.arguments(&random)
            let scope = try Scope(
                text:
                    "t(x \(Self.constraint(&random))); open; \"odd name\"(y: *); u(\(arguments)); v(o members(\(arguments)))"
            )
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
            "/data/q3/../x", "/data/q33", "data/q3/a", "/data/q3/a\\u0000", "/data/q3\\\\..\\\\x", "",
            "/",
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
