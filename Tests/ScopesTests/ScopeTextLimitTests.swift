import Scopes
import StrictJSON
import Testing

/// A scope's text reads back, however long the JSON may be that it was read from.
@Suite struct ScopeTextLimitTests {
    @Test(arguments: [(900, 95), (900, 1000), (8, 4000)]) func aLongScopesTextReadsBack(count: Int, length: Int) throws
    {
        let values = (0..<count).map { "\"" + String(repeating: "v", count: length) + "\($0)\"" }.joined(separator: ",")
        let json = #"{"t":{"x":{"constraint_type":"one_of","values":[\#(values)]}}}"#
        let scope = try Scope(json)
        #expect(try Scope(text: scope.text) == scope)
    }

    @Test func aTextOfMoreThanFourMebibytesIsRefused() {
        #expect(throws: ScopeError.self) { try Scope(text: String(repeating: " ", count: 1 << 22) + "t") }
    }
}
