import StrictJSON
import Testing

/// What is long or many, and what is said of it, stays within its bounds.
@Suite struct BoundTests {
    @Test func aDocumentOfMoreValuesThanItMayHaveIsRefused() throws {
        for (text, count) in [
            ("[1,2,3]", 4), (#"{"a":1,"b":[]}"#, 5), ("[[],{},\"\"]", 4), (#"{"a":{"b":{"c":null}}}"#, 7),
        ] {
            #expect(
                try JSON(parsing: Array(text.utf8), limits: .init(bytes: 100, values: count)).root.nodeCount == count)
            let error = #expect(throws: JSON.ParseError.self) {
                try JSON(parsing: Array(text.utf8), limits: .init(bytes: 100, values: count - 1))
            }
            #expect(error?.isTooCostly == true && error?.name == "too_costly", "\(text)")
        }
        let error = #expect(throws: JSON.ParseError.self) { try JSON(parsing: "[1,]") }
        #expect(error?.isTooCostly == false && error?.name == "json")
    }

    @Test func aNumberOfAnyLengthIsRead() throws {
        var limits = JSON.Limits()
        limits.admitsInexactNumbers = true
        for (text, value) in [
            ("0." + String(repeating: "3", count: 100_000), 1.0 / 3), ("5e-324", .leastNonzeroMagnitude),
            ("1.7976931348623157e308", .greatestFiniteMagnitude),
            ("-1e" + String(repeating: "0", count: 1000) + "2", -100),
            ("123456789012345678901234.5", 123456789012345678901234.5),
        ] { #expect(try JSON(parsing: text, limits: limits).root.number == value) }
        #expect(throws: JSON.ParseError.self) { try JSON(parsing: "1e400") }
        #expect(throws: JSON.ParseError.self) { try JSON(parsing: "1e-400") }
    }

    /// Counted, not timed: what takes long to read or to write again takes most of the budget.
    @Test func readingIsTakenFromTheBudget() throws {
        var limits = JSON.Limits()
        limits.admitsInexactNumbers = true
        func spent(_ text: String) throws -> Int {
            var work = WorkBudget(steps: .max)
            _ = try JSON(parsing: Array(text.utf8), limits: limits, within: &work)
            return work.spent
        }
        func array(_ element: String) -> String {
            "[" + [String](repeating: element, count: 1000).joined(separator: ",") + "]"
        }
        let few = try spent(array("1"))
        #expect(few > 4000 && few < 10_000)
        for number in ["0.5", "1e-30", "0.3333333333333333", "1e300"] {
            #expect(try spent(array(number)) > 100_000, "\(number)")
        }
        #expect(try spent("0." + String(repeating: "3", count: 100_000)) > 25_000)
        let names = (0..<1000).map { #""\#($0)":1"# }.joined(separator: ",")
        #expect(try spent("{\(names)}") > 30_000)
    }

    @Test func whatCostsMoreToReadThanThereIsEndsReading() throws {
        let number = [UInt8]("[\([String](repeating: "1e-30", count: 1000).joined(separator: ","))]".utf8)
        var enough = WorkBudget(steps: 200_000)
        _ = try JSON(parsing: number, within: &enough)
        let isEnough = !enough.isExhausted
        #expect(isEnough)
        for steps in [0, 1000, 100_000] {
            var work = WorkBudget(steps: steps)
            do throws(JSON.ParseError) {
                _ = try JSON(parsing: number, within: &work)
                Issue.record("read with \(steps) steps")
            } catch { #expect(error.isTooCostly && error.name == "too_costly") }
        }
    }

    @Test func whatIsCutEndsBetweenTwoCharacters() {
        #expect("abc".beginning(atMost: 3) == "abc" && "abcd".beginning(atMost: 3) == "abc…")
        #expect("aé".beginning(atMost: 3) == "aé" && "aéb".beginning(atMost: 2) == "a…")
        #expect("😀😀".beginning(atMost: 7) == "😀…" && "😀".beginning(atMost: 0) == "…" && "".beginning(atMost: 0) == "")
    }

    @Test func hiddenCharactersHaveTheirNumbersWhateverTheirLength() {
        #expect("\u{1}\u{7F}\u{202E}\u{E0001}".printable == #"\u{1}\u{7F}\u{202E}\u{E0001}"#)
        #expect(PrintableText(.string("\u{7F}\u{202E}\u{E0001}")).string == #""\u007f\u202e\udb40\udc01""#)
    }
}
