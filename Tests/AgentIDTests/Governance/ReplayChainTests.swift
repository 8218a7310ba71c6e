import StrictJSON
import Testing

@testable import PolicyReplay

@Suite struct ReplayChainTests {
    @Test func aChainThatIsForgottenLeavesNothingBehind() throws {
        let text =
            #"{"arguments":["path"],"chain":[{"agent":"spiffe://acme.example/a/1","jti":"j","key":"k"}],"#
            + #""decision":"permit","id":"1","kind":"decision","profile":"p","time_ms":1,"tool":"read"}"#
        let bytes = Array(text.utf8)
        let members = EntryMembers(bytes.span, bytes.indices, EntryNames())
        let entry = try #require(members)
        let tool = try #require(entry[.tool])
        var chain = ReplayChain(entry, bytes.span)
        weak let forgotten = chain
        var call = chain?.call(of: tool, entry[.arguments], bytes.span)
        #expect(call?.tool == "read" && call?.names.count == 1 && call?.context.holders.count == 1)
        let again = chain?.call(of: tool, entry[.arguments], bytes.span) === call
        #expect(again)
        weak let answered = call
        weak let context = call?.context
        chain = nil
        #expect(forgotten == nil && context != nil)
        call = nil
        #expect(answered == nil && context == nil)
    }
}
