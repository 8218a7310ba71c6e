import StrictJSON
import Testing

struct PrintableTextTests {
    @Test func whatNobodyWouldSeeIsWrittenAsItsNumber() {
        #expect("a\nb".printable == "a\\u{A}b")
        #expect("\u{202E}gpj.exe".printable == "\\u{202E}gpj.exe")
        #expect("\u{1B}[2J\u{9B}1m\r\t\u{7F}\u{85}".printable == "\\u{1B}[2J\\u{9B}1m\\u{D}\\u{9}\\u{7F}\\u{85}")
        #expect(
            "a\u{200B}\u{FEFF}\u{E0041}\u{61C}\u{2028}\u{AD}".printable
                == "a\\u{200B}\\u{FEFF}\\u{E0041}\\u{61C}\\u{2028}\\u{AD}")
    }

    @Test func whatPeopleReadStaysAsItIs() {
        for text in ["user:alice@acme.example", "Größe: 3 µm", "日本語 עברית ไทย", "e\u{301}", "└─ 😀"] {
            #expect(text.printable == text)
        }
    }

    /// Over the whole of Unicode, by category, not by a list.
    @Test func noScalarOfAHiddenCategoryIsShown() {
        var shown = 0
        for scalar in (UInt32(0)...0x10FFFF).lazy.compactMap({ Unicode.Scalar($0) }) {
            let text = String(String.UnicodeScalarView([scalar])).printable
            let isEscaped = text.hasPrefix("\\u{") && text.utf8.allSatisfy { $0 < 0x7F }
            switch scalar.properties.generalCategory {
            case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
                #expect(isEscaped, "U+\(String(scalar.value, radix: 16))")
            case .spaceSeparator: #expect(isEscaped == (scalar != " "))
            default: if !isEscaped { shown += 1 }
            }
            if scalar.properties.isBidiControl { #expect(isEscaped) }
        }
        #expect(shown > 100_000)
    }

    @Test func moreMarksThanAnyLanguageWritesAreNotDrawnOverTheNextLine() {
        let text = "a" + String(repeating: "\u{336}", count: 40)
        #expect(text.printable.unicodeScalars.count { $0 == "\u{336}" } == 4)
    }

    @Test func escapingTwiceChangesNothing() {
        let once = "a\u{202E}\n\\u{A}".printable
        #expect(once.printable == once)
    }

    @Test func onlyWhatStandsInALiteralIsTakenAsItIs() {
        let name = "x\nok  everything is fine\u{202E}"
        let coloured: PrintableText = "\u{1B}[31m\(name)\u{1B}[0m"
        #expect(coloured.string == "\u{1B}[31mx\\u{A}ok  everything is fine\\u{202E}\u{1B}[0m")
        let line: PrintableText = "\(coloured)\n\(3)"
        #expect(line.string == coloured.string + "\n3")
        #expect(PrintableText(lines: "a\nb\u{7}\n").string == "a\nb\\u{7}\n")
    }

    @Test func aDocumentReadsBackAsTheSameDocument() throws {
        let text = "q\"\\\u{202E}\n\u{9B}\u{7F}\u{E0041}\u{10FFFF}é"
        let tree: JSONTree = [text: .string(text)]
        let shown = PrintableText(tree).string
        #expect(shown.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F })
        #expect(!shown.unicodeScalars.contains { $0.isHidden })
        #expect(try JSON(parsing: shown).root.canonical() == tree.canonical())
    }
}
