import Policy
import Scopes
import StrictJSON
import Testing

/// What a rule is about.
@Suite struct CallPatternTests {
    private func coverage(_ match: String, _ tool: String, _ call: String = "{}") throws -> Coverage {
        let pattern = try CallPattern(parsing: JSON(parsing: JSONTree.string(match).canonical()).root)
        let arguments = try JSON(parsing: call).root
        var work = WorkBudget(steps: 100_000)
        var most = Coverage.no
        for tool in pattern.tools(named: tool) { most = max(most, tool.coverage(of: arguments, within: &work)) }
        return most
    }

    @Test func aStarInAToolsNameIsAPattern() throws {
        for (pattern, name, matches) in [
            ("github.*", "github.push", true), ("github.*", "github.", true), ("github.*", "gitlab.push", false),
            ("*", "anything/at.all", true), ("*_file", "read_file", true), ("*_file", "read_files", false),
            ("a*b*c", "abc", true), ("a*b*c", "a1b2c", true), ("a*b*c", "acb", false), ("a*a", "a", false),
            ("*ab*ab*", "xabyabz", true), ("*ab*ab*", "xabz", false), ("'git*'", "github", true), ("t", "T", false),
        ] as [(String, String, Bool)] {
            #expect(try coverage(pattern, name) == (matches ? .yes : .no), "\(pattern) \(name)")
        }
    }

    @Test func inAScopeAStarInAToolsNameIsAnError() throws {
        for text in ["github.*", "*", "a*(x: *)", "a; b*"] {
            #expect(throws: ScopeError.self) { try Scope(text) }
        }
    }

    @Test func argumentsThatARuleDoesNotNameDoNotTakeACallFromUnderIt() throws {
        #expect(try coverage("pay(usd: *)", "pay", #"{"usd":"1","to":"x"}"#) == .yes)
        #expect(try coverage("pay(usd decimal >= '1000')", "pay", #"{"usd":"1000.00","to":"x"}"#) == .yes)
        #expect(try coverage("pay(usd decimal >= '1000')", "pay", #"{"usd":"999","to":"x"}"#) == .no)
    }

    @Test func whatACallLeavesOpenIsNeitherYesNorNo() throws {
        for (match, call) in [
            ("t(usd decimal >= '1000')", "{}"), ("t(usd decimal >= '1000')", #"{"usd":5000}"#),
            ("t(usd decimal >= '1000')", #"{"usd":"5e3"}"#), ("t(n > 5)", #"{"n":"9"}"#),
            ("t(path under '/data')", #"{"path":"../data/x"}"#), ("t(path under '/data')", #"{"path":["/data"]}"#),
            ("t(path like '/data/**')", #"{"path":"/x/../data/y"}"#), ("t(to == 'a')", #"{"to":["a"]}"#),
            ("t(to in ['a'])", #"{"to":1}"#), ("t(ip cidr ['10.0.0.0/8'])", #"{"ip":"10.1"}"#),
            ("t(u uri {\"hosts\":[\"a.example\"]})", #"{"u":"//a.example"}"#), ("t(l contains ['a'])", #"{"l":"a"}"#),
            ("t(l each(== 'a'))", #"{"l":"a"}"#), ("t(o members(a == 1))", #"{"o":{}}"#),
            ("t(o members(a == 1))", #"{"o":{"a":"1"}}"#), ("t(x all(> 5, < 9))", #"{"x":"7"}"#),
            ("t(x any(> 5, == 'a'))", #"{"x":"7"}"#),
        ] { #expect(try coverage(match, "t", call) == .maybe, "\(match) \(call)") }
        #expect(try coverage("t(to? == 'a')", "t") == .yes)
        #expect(try coverage("t(path under '/data')", "t", #"{"path":"/data/../etc"}"#) == .no)
        #expect(try coverage("t(x not in ['a'])", "t", #"{"x":"a"}"#) == .no)
        #expect(try coverage("t(x all(> 5, < 9))", "t", #"{"x":10}"#) == .no)
    }

    @Test func anotherWayToWriteAValueDoesNotTakeACallFromUnderIt() throws {
        for address in [
            "::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "::a9fe:a9fe",
            "0xA9FEA9FE", "2852039166", "0251.0376.0251.0376", "169.254.43518", "169.254.169.254:80",
        ] {
            #expect(
                try coverage("t(ip cidr ['169.254.0.0/16'])", "t", #"{"ip":"\#(address)"}"#) == .maybe, "\(address)")
        }
        for address in ["::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1", "2001:db8::a9fe:a9fe", "8.8.8.8"] {
            #expect(try coverage("t(ip cidr ['169.254.0.0/16'])", "t", #"{"ip":"\#(address)"}"#) == .no, "\(address)")
        }
        #expect(try coverage("t(ip cidr ['::ffff:10.0.0.0/104'])", "t", #"{"ip":"10.1.2.3"}"#) == .maybe)
        for list in [#"[["eve"]]"#, #"[{"email":"eve"}]"#, #"["ann",["eve"]]"#, #""eve""#] {
            #expect(try coverage("t(cc contains ['eve'])", "t", #"{"cc":\#(list)}"#) == .maybe, "\(list)")
            #expect(try coverage("t(cc subset of ['eve'])", "t", #"{"cc":\#(list)}"#) == .maybe, "\(list)")
        }
        #expect(try coverage("t(cc contains ['eve'])", "t", #"{"cc":["ann"]}"#) == .no)
        #expect(try coverage("t(p under '/data/hr')", "t", #"{"p":"/data/%68r/x"}"#) == .maybe)
        #expect(try coverage("t(p like '/data/hr/**')", "t", #"{"p":"/data%2fhr/x"}"#) == .maybe)
        #expect(try coverage("t(p under '/data/hr')", "t", #"{"p":"/data/100%/x"}"#) == .no)
    }

    @Test func oneElementIsEnoughForWhatRestrictsAndAllForWhatPermits() throws {
        let match = "t(to each(like '*@evil.example'))"
        for (list, answer) in [
            (#"["a@evil.example"]"#, .yes), (#"["ok@x","a@evil.example"]"#, .maybe), (#"["ok@x"]"#, .no), ("[]", .no),
            (#"["ok@x",["a@evil.example"]]"#, .maybe),
        ] as [(String, Coverage)] {
            #expect(try coverage(match, "t", #"{"to":\#(list)}"#) == answer, "\(list)")
        }
    }

    @Test func patternsCoverPatterns() throws {
        func pattern(_ text: String) throws -> CallPattern {
            try CallPattern(parsing: JSON(parsing: JSONTree.string(text).canonical()).root)
        }
        for (wide, narrow, covers) in [
            ("a*", "ab*", true), ("ab*", "a*", false), ("*", "a*(x == 1)", true), ("a(x == 1)", "a", false),
            ("a; b", "b", true), ("a(x >= 1)", "a(x >= 2, y == 1)", true), ("a(x? >= 1)", "a(x >= 2)", true),
            ("a(x >= 1)", "a(x? >= 2)", false), ("a", "a; b", false), ("a*c", "a*", false), ("*a*", "*a*a*", true),
        ] { #expect(try pattern(wide).covers(pattern(narrow)) == covers, "\(wide) \(narrow)") }
        #expect(try pattern("git*; t(a == 1)").text == "git*; t(a == 1)")
    }
}
