import StrictJSON
import Testing

/// A value taken out of its document is the same value, and keeps nothing else alive.
struct DetachingTests {
    private func document(_ value: String, padding: Int) throws -> JSON.Value {
        let padding = Array(repeating: "0", count: padding).joined(separator: ",")
        return try JSON(parsing: #"{"é\u0041":[\#(padding)],"value":\#(value),"z":"\n"}"#).root
    }

    @Test(arguments: [
        "1", "-0.5e3", "null", "true", #""""#, #""plain""#, #""\u0041\n\"é\uD83D\uDE00""#, "[]", "{}",
        #"[[],{"a":{"b":["\t",1,{"c\\d":"\/e"}]}},"",[{}]]"#,
        #"{"t":{"x":{"constraint_type":"one_of","values":["a\"b","","ü",1,2.5,false,null]}},"":{"":[]}}"#,
    ]) func whatIsTakenOutIsTheSame(_ text: String) throws {
        let value = try #require(try document(text, padding: 5000)["value"])
        let detached = value.detached()
        #expect(detached.documentSize < 4096 && value.documentSize > 100_000)
        #expect(detached.isEqual(to: value) && value.isEqual(to: detached))
        #expect(detached.canonical() == value.canonical())
        #expect(detached.nodeCount == value.nodeCount && detached.sourceLength == value.sourceLength)
        #expect(detached.hasSameSource(as: value))
        #expect(detached.detached().documentSize == detached.documentSize)
    }

    @Test func whatFillsItsDocumentStaysInIt() throws {
        let list = "[" + Array(repeating: #"{"a":"b"}"#, count: 5000).joined(separator: ",") + "]"
        let value = try #require(try document(list, padding: 1)["value"])
        #expect(value.detached().documentSize == value.documentSize)
    }
}
