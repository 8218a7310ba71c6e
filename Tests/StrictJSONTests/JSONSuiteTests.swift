import Foundation
import StrictJSON
import TestSupport
import Testing

/// JSONTestSuite, with the verdicts of a strict I-JSON reader.
@Suite struct JSONSuiteTests {
    /// What the suite leaves open and we accept: numbers whose double says the same (10^20).
    static let accepted: Set<String> = ["i_number_too_big_pos_int.json"]

    @Test(.enabled(if: Corpus.isPresent, "left out: ../shared is absent"))
    func acceptsEveryValidTextAndNoOther() throws {
        let folder = Corpus.root + "/vectors/json/JSONTestSuite/test_parsing"
        let names = try FileManager.default.contentsOfDirectory(atPath: folder)
        var (yes, no, open) = (0, 0, [String]())
        for name in names.sorted() {
            let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name)))
            let isAccepted = (try? JSON(parsing: bytes)) != nil
            if name.hasPrefix("y_") {
                // RFC 7493 section 2.3 refuses what RFC 8259 only advises against.
                #expect(isAccepted != name.contains("duplicated_key"), "\(name)")
                yes += 1
            } else if name.hasPrefix("n_") {
                #expect(!isAccepted, "\(name)")
                no += 1
            } else if isAccepted {
                open.append(name)
            }
        }
        #expect(yes > 50 && no > 100)
        #expect(Set(open) == Self.accepted, "of what the suite leaves open")
    }

    @Test func numbersAreWrittenAsECMAScriptDoes() {
        // RFC 8785 appendix B.
        let cases: [(UInt64, String)] = [
            (0x0000_0000_0000_0000, "0"), (0x8000_0000_0000_0000, "0"), (0x0000_0000_0000_0001, "5e-324"),
            (0x8000_0000_0000_0001, "-5e-324"), (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
            (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"), (0x4340_0000_0000_0000, "9007199254740992"),
            (0xc340_0000_0000_0000, "-9007199254740992"), (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"), (0x44b5_2d02_c7e1_4af6, "1e+23"),
            (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"), (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
            (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"), (0x444b_1ae4_d6e2_ef50, "1e+21"),
            (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"), (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
            (0x41b3_de43_5555_5553, "333333333.3333332"), (0x41b3_de43_5555_5554, "333333333.33333325"),
            (0x41b3_de43_5555_5555, "333333333.3333333"), (0x41b3_de43_5555_5556, "333333333.3333334"),
            (0x41b3_de43_5555_5557, "333333333.33333343"),
            (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
        ]
        for (bits, text) in cases {
            var output: [UInt8] = []
            JCS.appendNumber(Double(bitPattern: bits), to: &output)
            #expect(String(decoding: output, as: UTF8.self) == text)
        }
    }

    @Test func namesAreSortedByUTF16() throws {
        // RFC 8785 section 3.2.3.
        let json = try JSON(
            parsing:
                "{\"\\u20ac\":\"Euro Sign\",\"\\r\":\"Carriage Return\",\"\\ufb33\":\"Hebrew\",\"1\":\"One\",\"\\ud83d\\ude00\":\"Emoji\",\"\\u0080\":\"Control\",\"\\u00f6\":\"Latin\"}"
        )
        let values = try JSON(parsing: json.root.canonical()).root.members.compactMap(\.value.string)
        #expect(values == ["Carriage Return", "One", "Control", "Latin", "Euro Sign", "Emoji", "Hebrew"])
    }

    @Test func hostileTextsAreRefusedWithAPosition() {
        let texts = [
            #"{"a":1,"a":2}"#, #"{"a":1,"\u0061":2}"#, #""\ud800""#, "9007199254740993", "1e400", "1e-400",
            "\u{feff}{}",
            String(repeating: "[", count: 100_000), "{\"a\":1}x", "", " ",
        ]
        for text in texts + Self.inexact {
            #expect(throws: JSON.ParseError.self, "\(text.prefix(20))") { try JSON(parsing: text) }
        }
        let wide = "{" + (0..<5000).map { "\"k\($0)\":1" }.joined(separator: ",") + ",\"k77\":2}"
        #expect(throws: JSON.ParseError.self) { try JSON(parsing: wide) }
    }

    /// Numbers that JCS writes as another number.
    static let inexact = [
        "9007199254740993", "-9007199254740993", "1.00000000000000001", "0.10000000000000001", "9007199254740992.5",
        "123456789012345678901234567890", "12345678901234567",
        "0.1000000000000000055511151231257827021181583404541015625", "2.2250738585072011e-308", "4.9e-324",
    ]

    /// AAT section 3.4, "admissible".
    @Test func aNumberIsReadWhereItsDoubleSaysTheSame() throws {
        for text in [
            "0.1", "1e20", "9007199254740994", "1E+20", "100000000000000000000", "1e17", "-0", "-0.0", "0e99999",
            "1.50",
            "1.000000000000000000000000000000", "0.000100", "5e-324", "1.7976931348623157e308", "9007199254740992",
            "295147905179352830000", "1e22", "1e23",
        ] {
            let json = try JSON(parsing: text)
            let again = try JSON(parsing: json.root.canonical())
            #expect(again.root.isEqual(to: json.root) && json.root.inexactNumber == nil, "\(text)")
        }
        var limits = JSON.Limits()
        limits.admitsInexactNumbers = true
        for text in Self.inexact {
            let json = try JSON(parsing: #"[1, {"a": \#(text)}, 2]"#, limits: limits)
            let number = try #require(json.root.inexactNumber, "\(text)")
            #expect(number.position == 10 && number.int == nil)
            #expect(Array(json.root.elements).map { $0.inexactNumber == nil } == [true, false, true])
        }
        #expect(try JSON(parsing: "9007199254740994").root.int == nil)
        #expect(try JSON(parsing: "9007199254740992").root.int == 9_007_199_254_740_992)
    }

    /// Compared with another way to tell: every double's own text comes back, and one more digit does not.
    @Test func everyDoublesOwnTextIsRead() throws {
        var random = Seeded.announced("everyDoublesOwnTextIsRead")
        for _ in 0..<20_000 {
            let value = Double(bitPattern: random.next())
            guard value.isFinite, value != 0 else { continue }
            let text = JSONTree.number(value).text
            #expect(try JSON(parsing: text).root.number == value, "\(text)")
            let (mantissa, exponent) =
                text.split(separator: "e").count == 2
                ? (text.split(separator: "e")[0], "e" + text.split(separator: "e")[1]) : (text[...], "")
            let longer = mantissa + (mantissa.contains(".") ? "" : ".") + "00000000000000000001" + exponent
            #expect(throws: JSON.ParseError.self, "\(longer)") { try JSON(parsing: longer) }
        }
    }
}
