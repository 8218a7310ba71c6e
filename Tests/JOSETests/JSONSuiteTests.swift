import Foundation
import JOSE
import Testing
import TestSupport

/// JSONTestSuite, with the verdicts of a strict I-JSON reader.
@Suite struct JSONSuiteTests {
    /// What the suite leaves open and we accept: a number that rounds is a number.
    static let accepted: Set<String> = ["i_number_double_huge_neg_exp.json"]

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
        #expect(open.isEmpty, "accepted although the suite leaves it open: \(open)")
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
            #"{"a":1,"a":2}"#, #"{"a":1,"\u0061":2}"#, #""\ud800""#, "9007199254740993", "1e17", "1e400", "1e-400",
            "\u{feff}{}",
            String(repeating: "[", count: 100_000), "{\"a\":1}x", "", " ",
        ]
        for text in texts { #expect(throws: JSON.ParseError.self, "\(text.prefix(20))") { try JSON(parsing: text) } }
        let wide = "{" + (0..<5000).map { "\"k\($0)\":1" }.joined(separator: ",") + ",\"k77\":2}"
        #expect(throws: JSON.ParseError.self) { try JSON(parsing: wide) }
    }
}
