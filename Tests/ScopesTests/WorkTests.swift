import Scopes
import StrictJSON
import TestSupport
import Testing

/// Work is bounded: counted in steps, so that the machine's speed does not matter.
@Suite struct WorkTests {
    private static func glob(_ pattern: String) -> String {
        #"{"constraint_type":"glob","pattern":\#(JSONTree.string(pattern).text)}"#
    }

    private static func all(_ clauses: [String], _ type: String = "all") -> String {
        #"{"constraint_type":"\#(type)","constraints":[\#(clauses.joined(separator: ","))]}"#
    }

    /// Any number of clauses, 60 to a conjunction.
    private static func nested(_ clauses: [String]) -> String {
        all(stride(from: 0, to: clauses.count, by: 60).map { all(Array(clauses[$0..<min($0 + 60, clauses.count)])) })
    }

    private static func scope(_ constraint: String) throws -> Scope { try Scope(#"{"t":{"x":\#(constraint)}}"#) }

    private static func call(_ value: JSONTree) throws -> JSON.Value {
        let tree: JSONTree = ["x": value]
        return try JSON(parsing: tree.canonical()).root
    }

    /// What it takes to say whether one scope is below another, out of more than it could ever take.
    private static func steps(of child: Scope, under parent: Scope) -> Int {
        var work = WorkBudget(steps: 1 << 40)
        _ = parent.expansion(by: child, within: &work)
        return work.spent
    }

    private static func steps(of value: JSON.Value, under scope: Scope) -> Int {
        var work = WorkBudget(steps: 1 << 40)
        _ = scope.refusal(of: "t", arguments: value, within: &work)
        return work.spent
    }

    @Test func aBudgetThatIsSpentStaysSpent() {
        var work = WorkBudget(steps: 10)
        #expect(work.spend(10) && !work.isExhausted && work.spent == 10)
        #expect(!work.spend(1) && work.isExhausted && !work.spend(0) && work.spent == 10)
        var none = WorkBudget(steps: -1)
        #expect(none.spend(0) && !none.spend(1))
    }

    @Test func globsThatStepUpAreToldApartByTheirTexts() throws {
        let parents = try Self.scope(
            Self.nested((0..<60).map { Self.glob("/*a" + String(repeating: "?", count: 16) + "\($0)") }))
        let children = try Self.scope(Self.nested((0..<60).map { Self.glob("/*/../" + "\($0)") }))
        #expect(Self.steps(of: children, under: parents) < 500_000)
    }

    /// Each child is below `*` and, after more moves than a pair is given, not provably below the first parent.
    @Test func globsThatMustBeWalkedEndInTooCostly() throws {
        let hard = Self.glob("*a" + String(repeating: "?", count: 17))
        let parents = try Self.scope(Self.all([hard, Self.glob("*")], "any"))
        let children = (0..<16).map { i in
            let fillings = (0..<17).map { $0 == i ? "a" : "?" }
            return Self.glob("*a" + fillings.joined())
        }
        #expect(try parents.expansion(by: Self.scope(Self.all(Array(children.prefix(2)), "any"))) == nil)
        let all = try Self.scope(Self.all(children, "any"))
        #expect(Self.steps(of: all, under: parents) > 4_000_000)
        #expect(parents.expansion(by: all)?.reason == .tooCostly)
        #expect(!parents.subsumes(all))
    }

    @Test func aLongValueTakesStepsOfItsOwnLengthForEachGlob() throws {
        let value = try Self.call(.string(String(repeating: "a", count: 1_000_000)))
        let pattern = String(repeating: "*a", count: 127)
        let one = try Self.scope(Self.glob(pattern + "*"))
        #expect(Self.steps(of: value, under: one) < 5 << 20)
        #expect(one.permits("t", value))
        let many = try Self.scope(Self.all((0..<60).map { Self.glob(pattern + ($0 % 2 == 0 ? "*" : "")) }))
        let refusal = many.refusal(of: "t", arguments: value)
        #expect(refusal?.reason == .tooCostly && refusal?.argument == "x")
        #expect(try many.permits("t", Self.call(.string(String(repeating: "a", count: 200)))))
    }

    @Test func networksAreComparedByTheirRanges() throws {
        func cidr(_ networks: [String]) throws -> Scope {
            try Self.scope(
                #"{"constraint_type":"cidr","networks":\#(JSONTree.array(networks.map { .string($0) }).text)}"#)
        }
        let quarters = (0..<1024).map { "\($0 >> 2).\(($0 & 3) << 6).0.0/10" }
        let parent = try cidr(quarters.reversed())
        let child = try cidr([String](repeating: "0.0.0.0/0", count: 1024))
        #expect(Self.steps(of: child, under: parent) < 1000)
        #expect(parent.subsumes(child) && child.subsumes(parent))
        #expect(try !cidr(Array(quarters.dropLast())).subsumes(child))
        #expect(try !cidr(Array(quarters.dropFirst())).subsumes(child))
        #expect(try cidr(["10.0.0.0/9", "10.128.0.0/9"]).subsumes(cidr(["10.0.0.0/8"])))
        #expect(try !cidr(["::/0"]).subsumes(cidr(["0.0.0.0/0"])))
        #expect(try !cidr(["0.0.0.0/0"]).subsumes(cidr(["::/0"])))
    }

    /// Each level compares a pair once: twice would be 2^31 times at the deepest.
    @Test func nestsAreComparedOnceAtEachDepth() throws {
        func nest(_ leaf: String, _ type: String) -> String {
            (0..<31).reduce(leaf) { inner, _ in Self.all([inner], type) }
        }
        for type in ["all", "any"] {
            let parent = try Self.scope(nest(Self.glob("/data/**"), type))
            let child = try Self.scope(nest(Self.glob("/etc/**"), type))
            #expect(Self.steps(of: child, under: parent) < 2000)
            let same = try Self.scope(nest(Self.glob("/data/**"), type))
            #expect(!parent.subsumes(child) && parent.subsumes(same))
        }
    }

    @Test func setsHoldEachValueOnceAndAreSearchedByTheirHashes() throws {
        let list = (0..<1024).map { "\"\($0 % 512)\"" }.joined(separator: ",")
        let scope = try Self.scope(#"{"constraint_type":"subset","allowed":[\#(list)]}"#)
        #expect(scope.text.utf8.count { $0 == UInt8(ascii: ",") } == 511)
        let value = try Self.call(.array((0..<50_000).map { .string("\($0 % 512)") }))
        #expect(Self.steps(of: value, under: scope) < 50_000 * 30)
        #expect(scope.permits("t", value))
        let equal = try Self.scope(#"{"constraint_type":"one_of","values":[1,1.0,1e0,{"a":1,"b":2},{"b":2,"a":1}]}"#)
        #expect(equal.text == #"t(x in [1,{"a":1,"b":2}])"#)
    }

    @Test func readingIsPartOfTheBudget() throws {
        let json = try JSON(parsing: #"{"t":{"x":\#(Self.nested((0..<600).map { Self.glob("/a\($0)/**") }))}}"#).root
        var little = WorkBudget(steps: 10_000)
        let error = #expect(throws: ScopeError.self) {
            _ = try Scope(parsing: json, narrowing: Scope(), within: &little)
        }
        #expect(error?.name == "too_costly" && error?.tool == "t" && error?.argument == "x")
    }

    /// Hosts and ports are sorted anew for each pattern that is met.
    @Test func patternsOfURIsAreMetOutOfTheBudget() throws {
        func uri(_ member: String, _ values: [JSONTree]) -> String {
            #"{"constraint_type":"uri","\#(member)":\#(JSONTree.array(values).text)}"#
        }
        let hosts = try Self.scope(uri("hosts", (0..<1000).map { .string("h\($0).example") }))
        let ports = try Self.scope(Self.nested((0..<500).map { uri("ports", [.int($0 + 1), 443]) }))
        #expect(throws: ScopeError.self) { try hosts.narrowed(to: ports) }
        let error = #expect(throws: ScopeError.self) { _ = try hosts.meet(ports) }
        #expect(error?.name == "too_costly")
        let some = try Self.scope(Self.nested((0..<20).map { uri("ports", [.int($0 + 1), 443]) }))
        #expect(try hosts.meet(some).permits("t", Self.call("https://h7.example/")))
    }

    /// Whoever calls chooses it, and its length.
    @Test(arguments: ["a", "\u{301}", "\u{202E}"])
    func aNameOfAMegabyteIsCutInWhatIsSaidOfIt(letter: String) throws {
        let scope = try Self.scope(Self.glob("*"))
        let name = String(repeating: letter, count: 1_000_000 / letter.utf8.count)
        let call = try JSON(parsing: JSONTree.members([(name, 1)]).canonical()).root
        let refusal = try #require(scope.refusal(of: "t", arguments: call))
        #expect(refusal.reason == .argumentNotPermitted && refusal.argument?.utf8.count == name.utf8.count)
        #expect(refusal.explanation(tool: "t").utf8.count < 4096)
        #expect(refusal.explanation(tool: name).utf8.count < 8192)
    }

    /// However little there is, the answer is the right one or says that it is none.
    @Test func whatABudgetDoesNotSufficeForIsNeverPermitted() throws {
        var random = Seeded.announced("whatABudgetDoesNotSufficeForIsNeverPermitted")
        let calls = try ScopeLawTests.values.map { try JSON(parsing: #"{"x":\#($0)}"#).root }
        var (cut, whole) = (0, 0)
        for _ in 0..<2000 {
            let parent = try Scope(text: "t(x \(ScopeLawTests.constraint(&random)))")
            let child = try Scope(text: "t(x \(ScopeLawTests.constraint(&random)))")
            let steps = Int.random(in: 0..<200, using: &random)
            var work = WorkBudget(steps: steps)
            let expansion = parent.expansion(by: child, within: &work)
            if expansion?.reason != .tooCostly { #expect((expansion == nil) == parent.subsumes(child)) }
            for call in calls {
                var work = WorkBudget(steps: steps)
                let refusal = parent.refusal(of: "t", arguments: call, within: &work)
                if refusal?.reason == .tooCostly { cut += 1 } else { whole += 1 }
                if refusal?.reason != .tooCostly { #expect((refusal == nil) == parent.permits("t", call)) }
            }
        }
        #expect(cut > 100 && whole > 100)
    }
}
