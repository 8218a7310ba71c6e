import Scopes
import StrictJSON
import Testing

/// Elements of arrays and members of objects.
@Suite struct ElementTests {
    private func permits(_ constraint: String, _ value: String) throws -> Bool {
        try Scope("t(x \(constraint))").permits("t", JSON(parsing: #"{"x":\#(value)}"#).root)
    }

    private func reason(_ parent: String, _ child: String) throws -> Expansion.Reason? {
        try Scope(text: "t(x \(parent))").expansion(by: Scope(text: "t(x \(child))"))?.reason
    }

    @Test func eachElementIsConstrainedAndNothingElseIsAList() throws {
        let to = #"each(like "*@acme.example")"#
        for value in [#"["bob@acme.example"]"#, "[]", #"["a@acme.example","b@acme.example"]"#] {
            #expect(try permits(to, value), "\(value)")
        }
        for value in [
            #"["bob@acme.example","eve@evil.example"]"#, #""bob@acme.example""#, "[1]", "{}", "null",
        ] {
            #expect(try !permits(to, value), "\(value)")
        }
        #expect(try permits("each(each(<= 2))", "[[1,2],[],[0]]"))
        #expect(try !permits("each(each(<= 2))", "[[1,2],[3]]"))
        #expect(try permits("all(each(*), contains [1])", "[2,1]"))
    }

    @Test func membersAreThoseThatAreNamed() throws {
        let order = #"members(amount <= 500, currency in ["EUR"], note?: *)"#
        for value in [
            #"{"amount":500,"currency":"EUR"}"#, #"{"note":[1],"currency":"EUR","amount":0}"#,
        ] {
            #expect(try permits(order, value), "\(value)")
        }
        for value in [
            #"{"amount":501,"currency":"EUR"}"#, #"{"amount":5}"#,
            #"{"amount":5,"currency":"EUR","to":"eve"}"#, "{}",
            #"[{"amount":5,"currency":"EUR"}]"#, "5",
        ] { #expect(try !permits(order, value), "\(value)") }
        #expect(try permits("members(amount <= 500, *: *)", #"{"amount":5,"*":1,"to":"eve"}"#))
        #expect(try permits("members(*: *)", "{}") && !permits("members(*: *)", "[]"))
        // A map of a tool without names is open; this one says itself whether it is.
        #expect(try permits("members()", "{}") && !permits("members()", #"{"a":1}"#))
        // Here a name of this kind is a name.
        #expect(
            try permits(#"members("*" == 1)"#, #"{"*":1}"#)
                && !permits(#"members("*" == 1)"#, #"{"*":2}"#))
        #expect(try permits("members(a members(b each(<= 1)))", #"{"a":{"b":[1,0]}}"#))
        #expect(try !permits("members(a members(b each(<= 1)))", #"{"a":{"b":[1,2]}}"#))
        // Written with escapes, it is the same name; and no name is another that looks alike.
        #expect(try permits("members(amount: *)", #"{"\u0061mount":1}"#))
        #expect(try !permits("members(\"\u{e9}\": *)", "{\"e\u{301}\":1}"))
    }

    @Test func bothFormsSayTheSame() throws {
        let scope = try Scope(#"t(x each(members(a? == 1, "b c": *, *: *)), y members())"#)
        #expect(
            scope.tree.text
                == #"{"t":{"x":{"constraint":{"constraint_type":"members","members":{"a":{"constraint_type":"exact","value":1},"#
                + #""b c":{"constraint_type":"wildcard"}},"optional_members":["a"],"others":true},"constraint_type":"each"},"#
                + #""y":{"constraint_type":"members","members":{}}}}"#)
        #expect(scope.text == #"t(x each(members(a? == 1, "b c": *, *: *)), y members())"#)
        #expect(try Scope(scope.text) == scope && Scope(scope.tree.text) == scope)
    }

    @Test func whatIsNotWellFormedIsRefused() {
        for constraint in [
            #"{"constraint_type":"each"}"#, #"{"constraint_type":"each","constraint":5}"#,
            #"{"constraint_type":"each","constraint":{"constraint_type":"wildcard","optional":true}}"#,
            #"{"constraint_type":"each","constraint":{"constraint_type":"wildcard"},"min":1}"#,
            #"{"constraint_type":"members"}"#, #"{"constraint_type":"members","members":[]}"#,
            #"{"constraint_type":"members","members":{"a":1}}"#,
            #"{"constraint_type":"members","members":{},"optional_members":["a"]}"#,
            #"{"constraint_type":"members","members":{"a":{"constraint_type":"wildcard"}},"optional_members":["b"]}"#,
            #"{"constraint_type":"members","members":{"a":{"constraint_type":"wildcard"},"b":{"constraint_type":"wildcard"}},"optional_members":["a","a"]}"#,
            #"{"constraint_type":"members","members":{"a":{"constraint_type":"wildcard","optional":true}}}"#,
            #"{"constraint_type":"members","members":{},"others":1}"#,
            #"{"constraint_type":"members","members":{},"optional_members":{}}"#,
        ] {
            #expect(throws: ScopeError.self, "\(constraint)") {
                try Scope(#"{"t":{"x":\#(constraint)}}"#)
            }
        }
        for text in [
            "t(x each())", "t(x each(*, *))", "t(x each *)", "t(x members)", "t(x members(a))",
            "t(x members(a: *, a: *))",
            "t(x members(*: *, *: *))", "t(x members(a: *)", "t(x members(*? == 1))",
        ] { #expect(throws: ScopeError.self, "\(text)") { try Scope(text: text) } }
        func nested(_ open: String, _ depth: Int) -> String {
            "t(x " + String(repeating: open, count: depth - 1) + "*"
                + String(repeating: ")", count: depth)
        }
        for open in ["each(", "members(a "] {
            #expect(throws: Never.self) {
                _ = try Scope(Scope(nested(open, 32)).tree.text)
            }
            #expect(throws: ScopeError.self) { try Scope(nested(open, 33)) }
        }
    }

    @Test func aChildsElementsAndMembersAreBelowItsParents() throws {
        #expect(try reason("each(<= 5)", "each(<= 4)") == nil)
        #expect(try reason("each(<= 5)", "each(<= 6)") == .constraintExpansion)
        #expect(try reason("each(<= 5)", "subset of [1, 2]") == nil)
        #expect(try reason("each(<= 5)", "in [[], [5]]") == nil)
        #expect(try reason("each(<= 5)", "== 5") == .constraintTypeNotPermitted)
        #expect(try reason("subset of [1, 2]", "each(in [1])") == .constraintTypeNotPermitted)
        #expect(try reason("members(a <= 5, b?: *)", "members(a == 1)") == nil)
        #expect(try reason("members(a <= 5, b?: *)", "members(a == 1, b == 2)") == nil)
        #expect(
            try reason("members(a <= 5, b?: *)", "members(a == 1, b == 2, *: *)") == .constraintExpansion)
        #expect(try reason("members(a <= 5, *: *)", "members(a == 1, c == 2)") == nil)
        #expect(try reason("members(a <= 5, *: *)", "members(*: *)") == .constraintExpansion)
        #expect(try reason("members(a? <= 5, *: *)", "members(*: *)") == .constraintExpansion)
        #expect(try reason("members(a? <= 5, *: *)", "members(b: *)") == nil)
        #expect(try reason("members(a <= 5)", "members(a? <= 5)") == .constraintExpansion)
        #expect(try reason("members(*: *)", "members()") == nil)
        #expect(try reason("members()", "members(*: *)") == .constraintExpansion)
        #expect(try reason("members(a: *)", "in [{'a':1}]") == nil)
        #expect(try reason("members(a: *)", "in [{'a':1}, {'b':1}]") == .constraintExpansion)
        #expect(try reason("all(each(<= 5), each(>= 1))", "all(each(== 2))") == nil)
    }

    @Test func whatIsNarrowedStaysShort() throws {
        let parent = try Scope("t(x members(amount <= 500, note?: *))").normalized()
        for (request, both) in [
            ("members(amount <= 100)", "all(members(amount <= 100))"),
            ("members(amount <= 600, note?: *)", "all(members(amount <= 500, note?: *))"),
            (
                "members(amount >= 1, note?: *)",
                "all(members(amount <= 500, note?: *), members(amount >= 1, note?: *))"
            ),
            (
                "in [{'amount': 1}, {'amount': 700}]",
                "all(members(amount <= 500, note?: *), in [{\"amount\":1},{\"amount\":700}])"
            ),
        ] {
            let child = try parent.narrowed(to: Scope("t(x \(request))"))
            #expect(try child == Scope("t(x \(both))"), "\(child.text)")
            #expect(parent.subsumes(child))
        }
        #expect(throws: ScopeError.self) { try parent.narrowed(to: Scope("t(x in [{'amount': 700}])")) }
    }

    /// A constraint as deep as may be cannot have `all` written around it: said where it is narrowed, not by a guard.
    @Test func whatWouldNotBeReadAgainIsAnError() throws {
        let deep = String(repeating: "any(", count: 31) + "== 1" + String(repeating: ")", count: 31)
        let error = #expect(throws: ScopeError.self) {
            try Scope("t").narrowed(to: Scope("t(x \(deep))"))
        }
        #expect(error?.name == "too_deep" && error?.tool == "t" && error?.argument == "x")
        let shallower = String(deep.dropFirst(4).dropLast())
        let scope = try Scope("t").narrowed(to: Scope("t(x \(shallower))"))
        #expect(try Scope(scope.tree.text) == scope)
    }

    @Test func elementsAndMembersAreCountedAsWork() throws {
        let many = "[" + (0..<50_000).map { "\($0)" }.joined(separator: ",") + "]"
        let call = try JSON(parsing: #"{"x":\#(many)}"#).root
        #expect(try Scope("t(x each(number))").permits("t", call))
        let clauses = (0..<60).map { "== -\($0 + 1)" }.joined(separator: ", ")
        let refusal = try Scope("t(x each(any(\(clauses), number)))").refusal(of: "t", arguments: call)
        #expect(refusal?.reason == .tooCostly && refusal?.argument == "x")
        let object = "{" + (0..<30_000).map { "\"k\($0)\":1" }.joined(separator: ",") + "}"
        let wide = try JSON(parsing: #"{"x":\#(object)}"#).root
        let names = (0..<60).map { "n\($0)?: *" }.joined(separator: ", ")
        #expect(
            try Scope("t(x members(\(names), *: *))").refusal(of: "t", arguments: wide)?.reason
                == .tooCostly)
        #expect(try Scope("t(x members(n?: *, *: *))").permits("t", wide))
    }
}
