import Foundation
import Scopes
import StrictJSON
import TestSupport
import Testing

/// The part of a ceiling that a person's own words name.
@Suite struct TaskScopeTests {
    static func pins(_ text: String) throws -> TaskPins { try TaskPins(parsing: Array(text.utf8)) }
    static func directory(_ text: String) throws -> TaskDirectory { try TaskDirectory(parsing: Array(text.utf8)) }
    static let send = #"{"send": {"arguments": {"to": "address:people[]", "cc": "address[]?"}}}"#

    private func scope(
        _ prompt: String, _ ceiling: String = "send", pins: String = send, directory: String = "{}"
    ) throws -> TaskScope {
        try Scope(ceiling).forTask(prompt, pins: Self.pins(pins), directory: Self.directory(directory))
    }

    private func permits(_ scope: TaskScope, _ tool: String, _ arguments: String) throws -> Bool {
        try scope.scope.permits(tool, JSON(parsing: arguments).root)
    }

    /// One argument `a` of tool `t`, pinned to what a prompt names.
    private func named(_ kind: String, _ prompt: String, directory: String = "{}") throws -> TaskScope {
        try scope(prompt, "t; u", pins: #"{"t": {"arguments": {"a": "\#(kind)"}}}"#, directory: directory)
    }

    private func admits(_ scope: TaskScope, _ value: String) throws -> Bool {
        try permits(scope, "t", #"{"a": \#(value)}"#)
    }

    // MARK: - Laws

    static let words = [
        "send", "Bob", "bob@acme.example", "x@evil.example.", "https://a.acme.example/v1/x", "www.acme.example",
        "/data/q3",
        "/etc", "'a'", "\"b\"", "2026-05-15", "$1,200.50", "5", "10", "1", "DE89 3704 0044 0532 0130 00", "#general",
        "é@x.example",
        "@", "://", "\u{212A}", "a@b", "//", ".", "report.csv", "US133000000121212121212", "'", "#",
    ]

    static func prompt(_ random: inout Seeded) -> String {
        (0..<Int.random(in: 0...12, using: &random)).map { _ in words.randomElement(using: &random) ?? "" }
            .joined(separator: [" ", " ", " ", ",", ""].randomElement(using: &random) ?? " ")
    }

    static func pins(_ random: inout Seeded) -> String {
        let kinds = ["address", "url", "account", "path", "channel", "quoted", "name:d", "date", "amount", "path:d"]
        let tools = ["s", "t", "u"].map { tool in
            let arguments = ["a", "b", "c"].filter { _ in Bool.random(using: &random) }.map { name in
                let kind = kinds.randomElement(using: &random) ?? "url"
                let list = Bool.random(using: &random) ? "[]" : ""
                return "\"\(name)\": \"\(kind)\(list)\(Bool.random(using: &random) ? "?" : "")\""
            }
            return "\"\(tool)\": {\"arguments\": {\(arguments.joined(separator: ", "))}}"
        }
        return "{\(tools.joined(separator: ", "))}"
    }

    @Test func aTasksScopeIsBelowItsCeilingAndTheSameEachTime() throws {
        var random = Seeded.announced("aTasksScopeIsBelowItsCeilingAndTheSameEachTime")
        let directory = try Self.directory(##"{"d": {"Bob": ["a", "/data/q3", 5], "a": "b", "#general": 1}}"##)
        var (made, pinned, permitted) = (0, 0, 0)
        for _ in 0..<1500 {
            let text = "s(\(ScopeLawTests.arguments(&random))); t(\(ScopeLawTests.arguments(&random))); u; v"
            guard var ceiling = try? Scope(text) else { continue }
            if Bool.random(using: &random), let normal = try? ceiling.normalized() { ceiling = normal }
            let (prompt, pins) = (Self.prompt(&random), try Self.pins(Self.pins(&random)))
            let task = try ceiling.forTask(prompt, pins: pins, directory: directory)
            #expect(ceiling.subsumes(task.scope), "\(ceiling.text)\n\(prompt)\n\(task.scope.text)")
            #expect(try Scope(task.scope.text) == task.scope, "reads back")
            #expect(try ceiling.forTask(prompt, pins: pins, directory: directory).scope == task.scope)
            made += 1
            pinned += task.document.text.utf8.count > 60 ? 1 : 0
            for tool in ["s", "t", "u"] {
                let call = try ScopeLawTests.call(&random)
                guard task.scope.permits(tool, call) else { continue }
                permitted += 1
                #expect(ceiling.permits(tool, call))
            }
        }
        #expect(made > 400 && pinned > 400 && permitted > 40, "\(made) \(pinned) \(permitted)")
    }

    @Test func anyBytesAreReadWithinTheLimits() throws {
        var random = Seeded.announced("anyBytesAreReadWithinTheLimits")
        let pins = try Self.pins(
            #"{"t": {"arguments": {"a": "url", "b": "path", "c": "account", "d": "amount", "e": "date", "f": "quoted"}}}"#
        )
        let alphabet = Array("@./:-'\"#0123456789AZaz ,\u{e9}\u{201c}\u{201d}?T".unicodeScalars)
        for _ in 0..<2000 {
            var text = ""
            for _ in 0..<Int.random(in: 0..<80, using: &random) {
                text.unicodeScalars.append(alphabet.randomElement(using: &random) ?? " ")
            }
            _ = try Scope("t").forTask(text, pins: pins)
        }
        #expect(throws: ScopeError.self) { try Scope("t").forTask(String(repeating: "a", count: 65537), pins: pins) }
        #expect(throws: ScopeError.self) {
            try Scope("send").forTask(
                (0..<300).map { "a\($0)@x.example" }.joined(separator: " "), pins: Self.pins(Self.send))
        }
        _ = try Scope("send").forTask(String(repeating: "@a.", count: 21845), pins: Self.pins(Self.send))
    }

    // MARK: - Destinations

    @Test func onlyTheAddressesThatAreNamedArePermitted() throws {
        let task = try scope("Mail the summary to ann@acme.example, please.")
        #expect(try permits(task, "send", #"{"to": ["ann@acme.example"], "body": "x"}"#))
        #expect(try permits(task, "send", #"{"to": ["ann@acme.example"], "cc": null, "body": "x"}"#))
        #expect(try permits(task, "send", #"{"to": ["ann@acme.example"], "cc": [], "body": "x"}"#))
        #expect(try !permits(task, "send", #"{"to": ["ann@acme.example", "eve@evil.example"]}"#))
        #expect(try !permits(task, "send", #"{"to": ["ann@acme.example"], "cc": ["eve@evil.example"]}"#))
        #expect(try !permits(task, "send", #"{"body": "x"}"#))
        #expect(try !permits(task, "send", #"{"to": "ann@acme.example"}"#))
    }

    @Test func aDestinationThatIsNotNamedLeavesTheToolOut() throws {
        let task = try scope("Summarise my inbox.", "send; read")
        #expect(task.scope.text == "read")
        #expect(task.document.text.contains("not_named"))
    }

    @Test func anAddressThatTouchesAnotherScriptIsNotReadInPart() throws {
        for prompt in [
            "аlice@acme.example", "to alice@acme.examplе", "a@b@c.example", "x_é@acme.example", "@acme.example",
            "a@acme",
        ] {
            #expect(try scope(prompt).scope.isEmpty, "\(prompt)")
        }
    }

    @Test func aNameOfTheDirectoryStandsForItsValues() throws {
        let directory =
            #"{"people": {"Ann Lee": "ann@acme.example", "Ann": "other@acme.example", "board": ["a@x.example", "b@x.example"]}}"#
        let one = try scope("Tell ann lee.", directory: directory)
        #expect(try permits(one, "send", #"{"to": ["ann@acme.example"]}"#))
        #expect(
            try !permits(one, "send", #"{"to": ["other@acme.example"]}"#),
            "of a name within a longer one only the longer")
        #expect(
            try permits(
                scope("Tell the board.", directory: directory), "send", #"{"to": ["b@x.example", "a@x.example"]}"#))
        #expect(try scope("Annual boards", directory: directory).scope.isEmpty, "whole words only")
        #expect(try scope("Tell \u{212A}ann Lee", directory: directory).scope.isEmpty)
    }

    @Test func aHostNamesItsPagesAndAPageWhatIsBelowIt() throws {
        let host = try named("url", "Read www.acme.example and tell me.")
        #expect(try admits(host, #""www.acme.example""#) && admits(host, #""https://www.acme.example/a?b""#))
        #expect(
            try !admits(host, #""https://www.acme.example.evil.example/""#)
                && !admits(host, #""https://acme.example/""#))
        let page = try named("url", "See https://acme.example/docs/.")
        #expect(try admits(page, #""https://acme.example/docs/a""#))
        #expect(try !admits(page, #""https://acme.example/secret""#) && !admits(page, #""http://acme.example/docs/a""#))
        #expect(
            try named("url", "See report.zip and bob@acme.example").scope.text == "u",
            "a file and an address are no hosts")
        #expect(try !admits(named("url", "https://user@acme.example/"), #""https://acme.example/""#))
    }

    @Test func eachKindIsFoundWhereItStands() throws {
        #expect(try admits(named("account", "Pay DE89 3704 0044 0532 0130 00."), #""DE89370400440532013000""#))
        #expect(try admits(named("account", "Pay US133000000121212121212 now"), #""US133000000121212121212""#))
        #expect(try named("account", "Pay on 2026-05-15, BILLING").scope.text == "u")
        #expect(try admits(named("path", "Open /data/q3 please"), #""/data/q3/x.csv""#))
        #expect(try !admits(named("path", "Open /data/q3 please"), #""/data/q3/../../etc""#))
        #expect(try admits(named("path", "Open 'my notes.txt'."), #""my notes.txt""#))
        #expect(try admits(named("channel", "Post in #general!"), #""general""#))
        #expect(try admits(named("quoted", "Call it ‘Lunch at Bob's’"), #""Lunch at Bob's""#))
        #expect(try admits(named("date", "on 2026/05/15"), #""2026-05-15 10:00""#))
        #expect(try !admits(named("date", "on 2026/05/15"), #""2026-05-16""#))
        let amount = try named("amount", "Pay €1,200.50 on 2026-05-15 to DE89 3704 0044 0532 0130 00")
        #expect(
            try admits(amount, "1200.5") && admits(amount, #""1200.50""#) && !admits(amount, "3704")
                && !admits(amount, "15"))
        #expect(try admits(named("amount", "Pay the bill"), "5"), "who names no amount leaves the choice")
        #expect(
            try admits(
                named("name:d", "Move the dental check-up", directory: #"{"d": {"Dental check-up": [3, "3"]}}"#), "3"))
    }

    @Test func daysAreFoundAsPeopleWriteThem() throws {
        for (prompt, day) in [
            ("on May 15th, 2026", "2026-05-15"), ("on 15 May 2026.", "2026-05-15"), ("Sep 3", "1999-09-03"),
            ("from the 13th to the 17th of May 2026", "2026-05-13"),
            ("from the 13th to the 17th of May 2026", "2026-05-17 09:00"),
            ("from May 11th to May 15th 2026", "2026-05-11"), ("from May 11th to May 15th 2026", "2026-05-15"),
            ("11 May to 15 May 2026", "2026-05-15"), ("11 May 15 May 2026", "2026-05-15"),
        ] {
            let task = try named("date", prompt)
            #expect(try admits(task, "\"\(day)\""), "\(prompt)")
            #expect(try !admits(task, #""2026-05-01""#) && !admits(task, #""2026-06-15""#), "\(prompt)")
        }
        #expect(try admits(named("date", "May I go? I have 15 minutes"), #""2026-01-01""#), "none is named")
    }

    @Test func aNamedDayAdmitsATimeOnItAndNoTail() throws {
        let task = try named("date", "on May 15th, 2026")
        for time in ["T10:00", " 10:00", "T10:00:00Z", "T10:00:00+02:00"] {
            #expect(try admits(task, "\"2026-05-15\(time)\""), "\(time)")
        }
        for tail in [
            " to 2099-01-01; DROP TABLE", "0", "/2099-12-31", "T10:00:00Z\\nX", String(repeating: "x", count: 99),
        ] {
            #expect(try !admits(task, "\"2026-05-15\(tail)\""), "\(tail)")
        }
    }

    @Test func aNamedPlaceIsAtItsSchemesOwnPort() throws {
        let page = try named("url", "visit https://acme.example/docs")
        #expect(
            try admits(page, #""https://acme.example/docs/x""#) && admits(page, #""https://acme.example:443/docs""#))
        #expect(try !admits(page, #""https://acme.example:444/docs""#))
        let host = try named("url", "see acme.example")
        #expect(try admits(host, #""http://acme.example/x""#) && !admits(host, #""http://acme.example:6379/""#))
        #expect(try admits(named("url", "see https://acme.example:8443/a"), #""https://acme.example:8443/a""#))
    }

    @Test func numbersOfTelephonesAndTicketsAreNotAmounts() throws {
        let task = try named("amount", "pay 12 for ticket 99999, room no. 7 and call +49 170 5555555 or tel 0301")
        #expect(try admits(task, "12"))
        for number in ["99999", "7", "49", "170", "5555555", "301"] { #expect(try !admits(task, number), "\(number)") }
    }

    @Test func aHostEndsWhereASentenceBegins() throws {
        let task = try named("url", "Post it to www.our-company.com.They sent it to Bob.")
        #expect(try admits(task, #""www.our-company.com""#))
        #expect(try !admits(task, #""www.our-company.com.they""#))
    }

    @Test func aToolThatNoWordAsksForIsLeftOut() throws {
        let pins = #"{"t": {"words": ["delet*", "remove"]}}"#
        #expect(try scope("Deleting is fine", "t; u", pins: pins).scope.text == "t; u")
        #expect(try scope("Removes, undelete", "t; u", pins: pins).scope.text == "u")
    }

    @Test func whatTheCeilingForbidsStaysForbidden() throws {
        let task = try scope(
            "Send it to ann@acme.example and eve@evil.example", "send(to each(like '*@acme.example'), cc?: *, body?: *)"
        )
        #expect(task.scope.text.contains(#"to subset of ["ann@acme.example"]"#))
        let out = try scope("Send it to eve@evil.example", "send(to each(like '*@acme.example'))")
        #expect(out.scope.isEmpty && out.document.text.contains("named_outside_ceiling"))
    }

    @Test(arguments: [
        #"[]"#, #"{"t": 1}"#, #"{"t": {"argument": {}}}"#, #"{"t": {"arguments": {"a": "adress"}}}"#,
        #"{"t": {"arguments": {"a": "name"}}}"#,
        #"{"t": {"arguments": {"a": "url:"}}}"#, #"{"t": {"words": []}}"#, #"{"t": {"words": ["a b"]}}"#,
        #"{"t": {"words": ["*"]}}"#, "{",
    ])
    func pinsThatAreMisspeltAreRefused(_ text: String) { #expect(throws: ScopeError.self) { try Self.pins(text) } }

    @Test(arguments: [#"[]"#, #"{"d": []}"#, #"{"d": {"a": null}}"#, #"{"d": {"a": [[1]]}}"#, #"{"d": {"": "x"}}"#])
    func aDirectoryThatIsMisspeltIsRefused(_ text: String) {
        #expect(throws: ScopeError.self) { try Self.directory(text) }
    }
}
