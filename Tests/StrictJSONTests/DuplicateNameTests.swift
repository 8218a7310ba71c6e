import StrictJSON
import Testing

@Suite struct DuplicateNameTests {
    /// Names as they are written, and what they are.
    private static let letters = [
        ("a", "a"), ("b", "b"), (#"\u0061"#, "a"), (#"\n"#, "\n"), ("é", "é"), (#"\u00e9"#, "é"),
    ]

    @Test func aNameThatStandsTwiceIsFoundHoweverItIsWritten() throws {
        for _ in 0..<4000 {
            var (members, names): ([String], [[UInt8]]) = ([], [])
            for i in 0..<Int.random(in: 1...20) {
                let parts = (0..<Int.random(in: 0...3)).map { _ in Self.letters.randomElement() ?? ("", "") }
                members.append("\"\(parts.map(\.0).joined())\":\(i)")
                names.append(Array(parts.map(\.1).joined().utf8))
            }
            let text = "{\(members.joined(separator: ","))}"
            let isTwice = names.indices.contains { names[..<$0].contains(names[$0]) }
            guard let json = try? JSON(parsing: text) else {
                #expect(isTwice, "\(text)")
                continue
            }
            #expect(!isTwice, "\(text)")
            for (i, name) in names.enumerated() {
                #expect(json.root[String(decoding: name, as: UTF8.self)]?.int == i, "\(text)")
            }
            #expect(json.root["c"] == nil && json.root["aab"]?.int == names.firstIndex(of: Array("aab".utf8)))
        }
    }
}
