import AgentID
import Scopes
import StrictJSON
import Testing

/// The object that carries a chain and a proof (AAT -02, 7.4).
@Suite struct PresentationTests {
    private let call = Array(#"{"query":"x"}"#.utf8)

    @Test func whatAnAgentPresentsAGuardDecides() throws {
        let world = try World()
        let agent = try world.start("search(query: *)").spawn("reader", .sameScope())
        let guardian = try world.guarding()
        let made = try agent.present(tool: "search", arguments: call, audience: "files")
        let json = try JSON(parsing: made.json).root
        #expect(json["aat_chain"]?.count == 2 && json["aat_pop"]?.equals(made.proof) == true && json.count == 2)
        #expect(json.canonical() == Array(made.json.utf8), "canonical form")
        let again = try Presentation(parsing: Array(made.json.utf8))
        #expect(again.chain == made.chain && again.proof == made.proof)
        let chain = String(decoding: json["aat_chain"]?.canonical() ?? [], as: UTF8.self)
        let more = Array(
            #"{"later":[1,12345678901234567890,{"aat_pop":7}],"aat_pop":"\#(made.proof)","aat_chain":\#(chain)}"#.utf8)
        #expect(
            guardian.check(presentation: more, tool: "search", arguments: call).isPermitted,
            "members that are not known are ignored")
        let replayed = guardian.check(presentation: Array(made.json.utf8), tool: "search", arguments: call)
        #expect(replayed.denial?.reason.rawValue == "replayed")
    }

    @Test func whatIsNotOneIsDeniedAndSaysWhere() throws {
        let world = try World()
        let guardian = try world.guarding()
        let agent = try world.start("search(query: *)").spawn("reader", .sameScope())
        let made = try agent.present(tool: "search", arguments: call, audience: "files")
        let many = Array(repeating: #""a""#, count: 66).joined(separator: ",")
        let cases: [(String, String)] = [
            ("", ""), ("[]", ""), ("7", ""), ("{", ""), ("{}", ".aat_chain"),
            (#"{"aat_chain":"\#(made.chain)","aat_pop":"p"}"#, ".aat_chain"),
            (#"{"aat_chain":["\#(made.chain)"],"aat_pop":"\#(made.proof)"}"#, ".aat_chain[0]"),
            (#"{"aat_chain":["a",7],"aat_pop":"p"}"#, ".aat_chain[1]"),
            (#"{"aat_chain":["a",""],"aat_pop":"p"}"#, ".aat_chain[1]"),
            (#"{"aat_chain":["a"]}"#, ".aat_pop"), (#"{"aat_chain":["a"],"aat_pop":7}"#, ".aat_pop"),
            (#"{"aat_chain":["a"],"aat_chain":["b"],"aat_pop":"p"}"#, ""),
            (#"{"aat_chain":[\#(many)],"aat_pop":"p"}"#, ".aat_chain"),
            (String(repeating: " ", count: (1 << 20) + 1), ""),
        ]
        for (json, place) in cases {
            let decision = guardian.check(presentation: Array(json.utf8), tool: "search", arguments: call)
            #expect(decision.denial?.reason.rawValue == "presentation_malformed", "\(json.prefix(60))")
            #expect(decision.denial?.place == "presentation" + place, "\(json.prefix(60))")
        }
        let empty = guardian.check(
            presentation: Array(#"{"aat_chain":[],"aat_pop":""}"#.utf8), tool: "search", arguments: call)
        #expect(empty.denial?.reason.rawValue == "chain_empty")
        let noProof = guardian.check(
            presentation: Array(Presentation(chain: made.chain, proof: "").json.utf8), tool: "search", arguments: call)
        #expect(noProof.denial?.reason.rawValue == "pop_missing")
    }
}
