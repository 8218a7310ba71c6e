import StrictJSON
import TestSupport
import Testing

struct ExactTextTests {
    @Test func canonicallyEquivalentTextsAreTwo() {
        let (kelvin, letter) = ("\u{212A}ey", "Key")
        #expect(kelvin == letter, "Swift takes these for one: that is why the type exists")
        #expect(kelvin.exact != letter.exact)
        #expect(Set([kelvin.exact, letter.exact]).count == 2)
        #expect([letter.exact: 1][kelvin.exact] == nil)
        #expect("caf\u{E9}".exact != "cafe\u{301}".exact)
    }

    @Test func orderIsOfBytes() {
        #expect("Z".exact < "a".exact)
        #expect("a".exact < "\u{E9}".exact)
        #expect("e\u{301}".exact < "f".exact)
        #expect(!("a".exact < "a".exact))
    }
}

extension ExactTextTests {
    @Test func startsEndsAndPartsAreOfBytes() {
        // A combining mark joins what is before it to one Character, and hides it from hasPrefix and split.
        #expect("/\u{301}x".starts(exactly: "/"))
        #expect(!"/\u{301}x".hasPrefix("/"))
        #expect("a/\u{301}b/c".parts(at: UInt8(ascii: "/")).map(\.exact) == ["a", "\u{301}b".exact, "c"])
        #expect("a//b".parts(at: UInt8(ascii: "/")).count == 2)
        #expect("a//b".parts(at: UInt8(ascii: "/"), omittingEmpty: false).count == 3)
        #expect("a b c".parts(at: 0x20, atMost: 2).map(\.exact) == ["a", "b c"])
        #expect("x.\u{212A}".ends(exactly: "\u{212A}"))
        #expect(!"x.\u{212A}".ends(exactly: "K"))
        #expect(!"".ends(exactly: "a"))
        #expect("".ends(exactly: ""))
    }

    @Test func replacingIsOfBytes() {
        #expect("'\u{301}\nx'".replacing(exactly: "\u{301}\n", with: "-").exact == "'-x'")
        #expect("aaa".replacing(exactly: "aa", with: "b").exact == "ba")
        #expect("K\u{212A}".replacing(exactly: "K", with: "k").exact == "k\u{212A}".exact)
        #expect("abc".replacing(exactly: "", with: "x").exact == "abc")
    }

    @Test func listsAndOptionalsAreOfBytes() {
        #expect(!["K"].holds("\u{212A}"))
        #expect(!["K"].isSame(as: ["\u{212A}"]))
        #expect(["\u{E9}", "e\u{301}"].exact.count == 2)
        #expect(["\u{E9}", "z", "e\u{301}"].inByteOrder().map(\.exact) == ["e\u{301}".exact, "z", "\u{E9}".exact])
        #expect(!("K" as String?).isSame(as: "\u{212A}"))
        #expect((nil as String?).isSame(as: nil))
        #expect(!("" as String?).isSame(as: nil))
    }

    @Test func orderIsOfBytesAndStable() {
        var random = Seeded.announced("orderIsOfBytesAndStable")
        let letters: [Character] = ["a", "K", "\u{212A}", "\u{E9}", "\0"]
        for _ in 0..<2000 {
            let texts = (0..<Int.random(in: 0...12, using: &random)).map { _ in
                let length = Int.random(in: 0...4, using: &random)
                return String((0..<length).compactMap { _ in letters.randomElement(using: &random) })
            }
            for one in texts {
                for other in texts {
                    #expect(one.isBefore(other) == one.utf8.lexicographicallyPrecedes(other.utf8))
                    #expect((one.exact < other.exact) == one.isBefore(other))
                }
            }
            let placed = texts.enumerated().inOrder { $0.element.isBefore($1.element) }
            let expected = texts.enumerated().sorted {
                $0.element.isSame(as: $1.element) ? $0.offset < $1.offset : $0.element.isBefore($1.element)
            }
            #expect(placed.map(\.offset) == expected.map(\.offset))
        }
    }

    @Test func recordsCompareTheirTextsByBytes() {
        struct Record: Equatable {
            @Exact var name: String
            @Exact var note: String?
            @Exact var words: [String]
        }
        let record = Record(name: "K", note: "K", words: ["K"])
        #expect(record == Record(name: "K", note: "K", words: ["K"]))
        #expect(record != Record(name: "\u{212A}", note: "K", words: ["K"]))
        #expect(record != Record(name: "K", note: "\u{212A}", words: ["K"]))
        #expect(record != Record(name: "K", note: "K", words: ["\u{212A}"]))
    }
}
