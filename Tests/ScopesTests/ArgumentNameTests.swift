import Scopes
import StrictJSON
import Testing

/// Optional and unnamed arguments (AAT sections 3.3, 4.5 and 8, steps 4p and 6b).
@Suite struct ArgumentNameTests {
    private func permits(_ scope: String, _ call: String) throws -> Bool {
        try Scope(scope).permits("t", JSON(parsing: call).root)
    }

    private func refusal(_ scope: String, _ call: String) throws -> Refusal? {
        try Scope(scope).refusal(of: "t", arguments: JSON(parsing: call).root)
    }

    private func expansion(_ parent: String, _ child: String) throws -> Expansion? {
        try Scope(parent).expansion(by: Scope(child))
    }

    /// The draft's example of section 3.3.
    static let example =
        #"{"t":{"path":{"constraint_type":"exact","value":"/srv/README"},"head":{"constraint_type":"range","max":200,"#
        + #""optional":true},"tail":{"constraint_type":"range","max":200,"optional":true},"*":{"constraint_type":"wildcard"}}}"#

    @Test func anOptionalArgumentMayBeLeftOutAndIsConstrainedWhereItIsGiven() throws {
        let scope = "t(path == '/a', head? <= 200)"
        #expect(try permits(scope, #"{"path":"/a"}"#))
        #expect(try permits(scope, #"{"head":200,"path":"/a"}"#))
        #expect(try refusal(scope, #"{"path":"/a","head":201}"#)?.reason == .argumentConstraintViolated)
        #expect(try refusal(scope, #"{"path":"/a","head":null}"#)?.argument == "head")
        #expect(try refusal(scope, #"{"head":1}"#)?.reason == .argumentMissing)
        #expect(try refusal(scope, #"{"path":"/a","tail":1}"#)?.argument == "tail")
        #expect(try refusal(scope, #"{"path":"/a","tail":1}"#)?.reason == .argumentNotPermitted)
        #expect(try refusal(scope, #"{"path":"/b","tail":1,"head":1}"#)?.reason == .argumentNotPermitted)
        #expect(try permits("t(a? == 1, b? == 2)", "{}"))
    }

    @Test func whatIsNotNamedIsPermittedOnlyUnderAStar() throws {
        #expect(try permits(Self.example, #"{"path":"/srv/README","encoding":["utf-8"]}"#))
        #expect(try !permits(Self.example, #"{"path":"/srv/README","head":500}"#))
        #expect(try !permits(Self.example, #"{"encoding":"utf-8"}"#))
        // A real argument of this name is one that is not named.
        #expect(try permits("t(a == 1, *: *)", #"{"a":1,"*":2}"#))
        #expect(try refusal("t(a == 1)", #"{"a":1,"*":2}"#)?.argument == "*")
        #expect(try permits("t", #"{"*":2}"#))
        let many = "{" + (0..<5000).map { "\"k\($0)\":1" }.joined(separator: ",") + ",\"a\":1}"
        #expect(try permits("t(a == 1, *: *)", many))
        #expect(try !permits("t(a == 2, *: *)", many))
    }

    @Test func manyArgumentsUnderAStarAreCountedAsWork() throws {
        let named = (0..<60).map { "n\($0)?: *" }.joined(separator: ", ")
        let call = "{" + (0..<30_000).map { "\"k\($0)\":1" }.joined(separator: ",") + "}"
        var work = WorkBudget(steps: 2_000_000)
        let arguments = try JSON(parsing: call).root
        let refusal = try Scope("t(\(named), *: *)").refusal(of: "t", arguments: arguments, within: &work)
        #expect(refusal?.reason == .tooCostly && refusal?.argument == "n0")
    }

    @Test func bothFormsSayTheSame() throws {
        let scope = try Scope(Self.example)
        #expect(scope.text == #"t(head? <= 200, path == "/srv/README", tail? <= 200, *: *)"#)
        #expect(try Scope(scope.text) == scope && Scope(scope.tree.text) == scope)
        #expect(try Scope("t(query?: *)").text == "t(query?: *)")
        #expect(try Scope("t( query ? : * , * : * )").text == "t(query?: *, *: *)")
        #expect(try Scope("t(*: *)") == Scope("t") && Scope("t(*: *)").text == "t")
        #expect(try Scope(#"{"t":{"*":{"constraint_type":"wildcard"}}}"#).tree.text == #"{"t":{}}"#)
        #expect(try Scope("t(a? == 1)") != Scope("t(a == 1)") && Scope("t(a == 1, *: *)") != Scope("t(a == 1)"))
        #expect(try Scope(#"{"t":{"a":{"constraint_type":"wildcard","optional":false}}}"#).text == "t(a: *)")
        #expect(try Scope(#"t("what?"? == 1)"#).text == #"t("what?"? == 1)"#)
        #expect(try Scope(text: "t(a? == 1, *: *)").summary.contains("a may be left out, or else must be == 1"))
    }

    @Test func whatIsNotWellFormedIsRefused() {
        for (constraints, rule) in [
            (
                #""a":{"constraint_type":"all","constraints":[{"constraint_type":"wildcard","optional":true}]}"#,
                "inside"
            ),
            (
                #""a":{"constraint_type":"any","constraints":[{"constraint_type":"wildcard","optional":false}]}"#,
                "inside"
            ),
            (#""a":{"constraint_type":"wildcard","optional":1}"#, "optional"),
            (#""*":{"constraint_type":"wildcard","optional":true}"#, "wildcard"),
            (#""*":{"constraint_type":"wildcard","optional":false}"#, "wildcard"),
            (#""*":{"constraint_type":"exact","value":1}"#, "wildcard"), (#""*":[]"#, "wildcard"),
            (#""a":{"constraint_type":"all","constraints":[]}"#, "empty"),
            (#""a":{"constraint_type":"any","constraints":[]}"#, "empty"),
            (#""a":{"constraint_type":"all","constraints":{}}"#, "array"),
            (#""a":{"constraint_type":"one_of","values":[]}"#, "empty"),
            (#""a":{"constraint_type":"one_of","values":{}}"#, "array"),
            (#""a":{"constraint_type":"range","min":2,"max":1}"#, "greater"),
            (#""a":{"constraint_type":"range","min_inclusive":true}"#, "without min"),
            (#""a":{"constraint_type":"range","min":1,"max_inclusive":false}"#, "without max"),
            (#""a":{"constraint_type":"range","min":1,"min_inclusive":1}"#, "true or false"),
            (#""a":{"constraint_type":"range","min":"1"}"#, "number"),
            (#""a":{"constraint_type":"exact","value":[1]}"#, "true, false or null"),
            (#""a":{"constraint_type":"wildcard","value":1}"#, "no member value"),
            (#""a":{"constraint_type":"glob","pattern":"*","flags":"i"}"#, "no member flags"),
            (#""a":{"constraint_type":"Exact","value":1}"#, "type"),
        ] {
            let error = #expect(throws: ScopeError.self, "\(constraints)") { try Scope(#"{"t":{\#(constraints)}}"#) }
            #expect(error?.tool == "t" && error?.argument != nil, "\(constraints)")
            #expect(error?.message.contains(rule) == true, "\(String(describing: error))")
        }
        for text in [
            "t(* == 1)", "t(*: ==1)", "t(*?: *)", "t(*: *, *: *)", #"t("*" == 1)"#, #"t("*": *)"#, "t(a? )", "t(a?? *)",
            "t(a >= 1 >= 2)", "t(a < 1 <= 2)", "t(a all())", "t(a any())", "t(a in [])", "t(a >= 2 <= 1)",
            "t(a: *, a?: *)", #"t(a uri {"hosts":["a.example"],"optional":true})"#,
            #"t(a uri {"constraint_type":"wildcard"})"#, "t(a == 9007199254740993)", "t(a <= 1.00000000000000001)",
        ] { #expect(throws: ScopeError.self, "\(text)") { try Scope(text: text) } }
        #expect(throws: Never.self) {
            try Scope("t(a not in [], b contains [], c subset of [], d >= 1 <= 1, e > 1 < 1)")
        }
        #expect(throws: Never.self) { try Scope("t(a == 9007199254740994, b <= 1e20)") }
    }

    /// Each rule of section 4.5, and what is said of it.
    @Test func aChildNamesWhatItsParentLetsIt() throws {
        for (parent, child) in [
            ("t(a == 1, b? == 2)", "t(a == 1, b == 2)"), ("t(a == 1, b? == 2)", "t(a == 1)"),
            ("t(a == 1, *: *)", "t(a == 1, b? == 2)"), ("t(a == 1, *: *)", "t(a == 1, b == 2, *: *)"),
            ("t(a == 1, *: *)", "t(a == 1)"), ("t", "t(a? == 1, *: *)"), ("t", "t(a == 1)"), ("t(a?: *)", "t(a? == 1)"),
            ("t(a? == 1, b? == 2, *: *)", "t(c: *)"), ("t", "t"), ("t(a? == 1, *: *)", "t(b? == 1)"),
        ] { #expect(try expansion(parent, child) == nil, "\(child) under \(parent)") }
        for (parent, child, argument, rule) in [
            ("t(a == 1)", "t(a == 1, b? == 2)", "b", "does not permit"), ("t(a == 1)", "t(a? == 1)", "a", "optional"),
            ("t(a == 1, b == 2)", "t(a == 1)", "b", "requires"), ("t(a == 1)", "t(a == 1, *: *)", "*", "not named"),
            ("t(a == 1, *: *)", "t(*: *)", "a", "requires"), ("t(a == 1)", "t", "a", "requires"),
            ("t(a? == 1, *: *)", "t(b == 1, *: *)", "a", "could have any value"), ("t(a? == 1)", "t", "a", "any value"),
            ("t(a? == 1, *: *)", "t", "a", "any value"), ("t(a == 1, *: *)", "t(a? == 1, b: *)", "a", "optional"),
        ] {
            let expansion = try #require(try expansion(parent, child), "\(child) under \(parent)")
            #expect(expansion.reason == .argumentKeySetMismatch && expansion.argument == argument, "\(expansion)")
            #expect(expansion.description.contains(rule), "\(expansion)")
        }
        #expect(try expansion("t(a? == 1, *: *)", "t(a? == 2, b: *)")?.reason == .constraintExpansion)
        #expect(try expansion("t(a? == 1, *: *)", "t(a? == 2, *: *)")?.argument == "a")
    }

    @Test func narrowingIsTheIntersectionOfNamesToo() throws {
        for (own, request, both) in [
            ("t(q == 1)", "t(q: *, limit? <= 5)", "t(q == 1)"), ("t(q: *, limit? <= 5)", "t(q == 1)", "t(q all(== 1))"),
            ("t(q: *, limit? <= 5)", "t(q == 1, limit == 3)", "t(limit == 3, q all(== 1))"),
            ("t(q all(>= 1), *: *)", "t(q <= 5, x? == 1)", "t(q all(>= 1 <= 5), x? all(== 1))"),
            ("t(q == 1, *: *)", "t(x? == 1, *: *)", "t(q == 1, x? all(== 1), *: *)"),
            ("t(a? all(<= 1), b: *)", "t(a? >= 2, b == 1)", "t(b all(== 1))"),
            ("t(a? all(<= 1), b: *, *: *)", "t(a? >= 2, b: *, *: *)", "t(a? all(<= 1, >= 2), b: *, *: *)"),
            ("t(a? all(<= 1))", "t(a? >= 2)", "t(a? all(<= 1, >= 2))"),
        ] {
            let parent = try Scope(own)
            let narrower = try parent.narrowed(to: Scope(request))
            #expect(parent.subsumes(narrower), "\(narrower.text)")
            #expect(try narrower == Scope(both), "\(own) ∩ \(request) is \(narrower.text)")
        }
        for (own, request, argument) in [
            ("t(q == 1)", "t(q == 1, limit <= 5)", "limit"), ("t(q == 1, r: *)", "t(q == 1)", "r"),
            ("t(a all(<= 1))", "t(a? >= 2)", "a"), ("t(a?: *)", "t(b?: *)", nil),
        ] {
            let error = #expect(throws: ScopeError.self) { try Scope(own).narrowed(to: Scope(request)) }
            #expect(error?.name == "empty_intersection" && error?.tool == "t" && error?.argument == argument)
        }
    }

    @Test func aNumberThatDoublePrecisionDoesNotKeepIsInNoCall() throws {
        var limits = JSON.Limits()
        limits.admitsInexactNumbers = true
        for scope in ["t", "t(a: *, b?: *)", "t(b? == 1, *: *)"] {
            let call = try JSON(parsing: #"{"b":1,"a":{"x":[9007199254740993]}}"#, limits: limits).root
            let refusal = try Scope(scope).refusal(of: "t", arguments: call)
            #expect(refusal?.reason == .argumentsMalformed && refusal?.argument == "a", "\(scope)")
            #expect(try Scope(scope).permits("t", JSON(parsing: #"{"b":1,"a":9007199254740994}"#).root))
        }
        let inner = #"{"constraint_type":"one_of","values":[9007199254740993]}"#
        let json = try JSON(
            parsing: #"{"t":{"a":{"constraint_type":"all","constraints":[\#(inner)]}}}"#, limits: limits)
        let error = #expect(throws: ScopeError.self) { try Scope(parsing: json.root) }
        #expect(error?.argument == "a" && error?.message.contains("as a string") == true)
    }
}
