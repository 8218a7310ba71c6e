import JOSE
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
}
