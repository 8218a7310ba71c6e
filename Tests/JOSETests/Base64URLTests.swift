import Foundation
import JOSE
import TestSupport
import Testing

struct Base64URLTests {
    @Test func everyLengthIsWrittenAsFoundationDoesAndReadBack() throws {
        var random = Seeded.announced("everyLengthIsWrittenAsFoundationDoesAndReadBack")
        for length in 0..<400 {
            let bytes = (0..<length).map { _ in UInt8.random(in: 0 ... .max, using: &random) }
            let expected = Data(bytes).base64EncodedString().replacingOccurrences(of: "+", with: "-")
                .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
            #expect(Base64URL.encode(bytes) == expected)
            var output = Array("before.".utf8)
            Base64URL.append(bytes.span, to: &output)
            #expect(output == Array("before.".utf8) + Array(expected.utf8))
            #expect(try Base64URL.decode(Array(expected.utf8).span) == bytes)
        }
    }
}
