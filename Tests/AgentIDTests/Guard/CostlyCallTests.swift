import AgentID
import JOSE
import StrictJSON
import Testing

/// What a client may send at most, and what is said of the rest.
@Suite struct CostlyCallTests {
    private let issuer: SigningKey
    private let holder: SigningKey
    private let chain: [UInt8]
    private let guardian: Guard

    init() throws {
        issuer = try SigningKey.generate()
        holder = try SigningKey.generate()
        let any: JSONTree = ["constraint_type": "wildcard"]
        chain = HandMade.root(issuer, to: holder, tools: ["read": ["x": any]])
        var options = Guard.Options()
        options.audience = "g"
        guardian = try Guard(options)
        try guardian.addBundle(HandMade.bundle([issuer], sequence: 1), for: "acme.example")
    }

    private func denial(of arguments: String, signedBy key: SigningKey? = nil) throws -> Denial? {
        let token = try CompactJWS(chain)
        let proof: JSONTree.Members = [
            "jti": .string("\(UInt64.random(in: 0 ... .max))"), "iat": .int(Int(SystemClock().milliseconds / 1000)),
            "aat_id": .value(try #require(token.payload().root["jti"])), "aat_hash": .string(token.signingInputHash),
            "aat_tool": "read", "aat_aud": "g", "hta": ["x": 1],
        ]
        let signed = CompactJWS.make(type: "aat-pop+jwt", payload: JSONTree.object(proof).canonical()) {
            (key ?? holder).sign($0)
        }
        return guardian.check(chain: chain, proof: signed, tool: "read", arguments: Array(arguments.utf8)).denial
    }

    @Test func argumentsOfMoreValuesThanACallMayHaveAreTooCostly() throws {
        let most = 1 << 16
        func array(_ count: Int) -> String { "[" + [String](repeating: "1", count: count).joined(separator: ",") + "]" }
        // The object, the name, the array.
        #expect(try denial(of: #"{"x":\#(array(most - 3))}"#)?.reason.rawValue == "pop_binding_mismatch")
        let denial = try denial(of: #"{"x":\#(array(most - 2))}"#)
        #expect(denial?.reason.rawValue == "too_costly" && denial?.place == "arguments")
    }

    @Test func argumentsThatTakeLongToReadAreTooCostly() throws {
        func array(_ element: String, _ count: Int) -> String {
            #"{"x":["# + [String](repeating: element, count: count).joined(separator: ",") + "]}"
        }
        for costly in [array("1.2345678e-30", 60_000), array("0.3333333333333333", 40_000)] {
            let denial = try denial(of: costly)
            #expect(denial?.reason.rawValue == "too_costly" && denial?.place == "arguments")
        }
        // What tools are sent, an embedding, is not.
        #expect(try denial(of: array("-0.3333333333333333", 8192))?.reason.rawValue == "pop_binding_mismatch")
    }

    /// Else what nobody signed would cost what its author likes.
    @Test func theSignatureIsLookedAtBeforeTheArguments() throws {
        let stranger = try SigningKey.generate()
        for arguments in ["", "[", #"{"y":1}"#, #"{"x":[1]}"#] {
            #expect(
                try denial(of: arguments, signedBy: stranger)?.reason.rawValue == "pop_signature_invalid",
                "\(arguments)")
        }
        #expect(try denial(of: #"{"y":1}"#)?.reason.rawValue == "argument_not_permitted")
    }

    @Test func aDenialSaysTheBeginningOfALongName() throws {
        let name = String(repeating: "\u{301}", count: 500_000)
        let denial = try #require(try denial(of: JSONTree.members([(name, 1)]).text))
        #expect(denial.reason.rawValue == "argument_not_permitted")
        #expect(denial.message.utf8.count < 4096 && denial.place.utf8.count < 4096)
    }
}
