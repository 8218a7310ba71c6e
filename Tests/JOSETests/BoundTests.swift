import JOSE
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
            #expect(error?.hasTooManyValues == true && error?.name == "too_costly", "\(text)")
        }
        let error = #expect(throws: JSON.ParseError.self) { try JSON(parsing: "[1,]") }
        #expect(error?.hasTooManyValues == false && error?.name == "json")
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
