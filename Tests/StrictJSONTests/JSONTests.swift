import StrictJSON
import Testing

@Suite struct JSONTests {
    @Test func readsAndFindsMembers() throws {
        let json = try JSON(parsing: #"{"a":1,"b":[true,null,"x\u0041\n"],"c":{"d":-1.5e2}}"#)
        #expect(json.root["a"]?.int == 1)
        #expect(json.root["c"]?["d"]?.number == -150)
        #expect(json.root["b"].map { Array($0.elements).count } == 3)
        #expect(Array(json.root["b"]!.elements)[2].string == "xA\n")
        #expect(
            String(decoding: json.root.canonical(), as: UTF8.self) == #"{"a":1,"b":[true,null,"xA\n"],"c":{"d":-150}}"#)
    }

    /// Strings are scanned in strides: what must be seen is seen at every offset, whatever stands around it.
    @Test func everyByteOfAStringIsSeenWhereverItStands() {
        let fillers: [UInt8] = [0x20, 0x21, 0x23, 0x5B, 0x5D, 0x61, 0x7F]
        for filler in fillers {
            for length in 1...20 {
                for place in 0..<length {
                    for byte in UInt8.min...UInt8.max {
                        var text = [UInt8](repeating: filler, count: length)
                        text[place] = byte
                        let read = try? JSON(parsing: [0x22] + text + [0x22])
                        // A control character, what is not UTF-8, a quote with something behind it, an escape of nothing.
                        let isPlain = (0x20..<0x80).contains(byte) && byte != 0x22 && byte != 0x5C
                        #expect(
                            (read?.root.string?.utf8.elementsEqual(text) ?? false) == isPlain,
                            "\(byte) at \(place) of \(length) among \(filler)")
                    }
                }
            }
        }
    }
}
