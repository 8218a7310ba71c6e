import AgentID
import JOSE
import StrictJSON
import Testing

/// What AAT draft -02 demands of tokens and proofs beyond -01.
@Suite struct Draft02Tests {
    @Test func aTokenOfDraft01IsRefusedAndTheReasonSaysSo() throws {
        let world = try Presenting()
        let root = world.root()
        #expect(world.reason([root], try world.proof(under: root)) == nil, "one of -02 is permitted")
        let old = try #require(world.decide([world.root(algorithm: "EdDSA")], world.proof(under: root)))
        #expect(old.reason.rawValue == "algorithm_not_permitted" && old.message.contains("-01"))
        let untyped = try #require(world.decide([world.root(type: nil)], world.proof(under: root)))
        #expect(untyped.reason.rawValue == "token_malformed" && untyped.message.contains("-01"))
        let proof = try #require(world.decide([root], world.proof(under: root, algorithm: "EdDSA")))
        #expect(proof.reason.rawValue == "algorithm_not_permitted" && proof.message.contains("-01"))
        let untypedProof = try #require(world.decide([root], world.proof(under: root, type: nil)))
        #expect(untypedProof.reason.rawValue == "pop_malformed" && untypedProof.message.contains("-01"))
        let unbound = try #require(world.decide([root], world.proof(under: root) { $0["aat_hash"] = nil }))
        #expect(unbound.reason.rawValue == "pop_malformed" && unbound.message.contains("-01"))
    }

    @Test func aProofIsNoGrantAndAGrantIsNoProof() throws {
        let world = try Presenting()
        let root = world.root()
        #expect(world.reason([world.root(type: "aat-pop+jwt")], try world.proof(under: root)) == "token_malformed")
        #expect(world.reason([world.root(type: "AAT+JWT")], try world.proof(under: root)) == "token_malformed")
        #expect(world.reason([root], try world.proof(under: root, type: "aat+jwt")) == "pop_malformed")
        #expect(world.reason([root], root) == "pop_malformed")
    }

    @Test func aRootIsOfTheIssuerWhoseAnchorVerifiedIt() throws {
        let world = try Presenting()
        for issuer in ["https://auth.example/", "https://AUTH.example", "https://other.example"] {
            let root = world.root { $0["iss"] = .string(issuer) }
            #expect(world.reason([root], try world.proof(under: root)) == "untrusted_root", "\(issuer)")
        }
        // One key may speak for several, each said; and nothing that is not a URI is an issuer.
        try world.guardian.trust([world.issuer.publicKey], issuer: "https://other.example")
        let root = world.root { $0["iss"] = "https://other.example" }
        #expect(world.reason([root], try world.proof(under: root)) == nil)
        #expect(throws: AgentIDError.self) { try world.guardian.trust([world.issuer.publicKey], issuer: "nobody") }
    }

    @Test func aProofIsForTheVeryBytesOfItsLeaf() throws {
        let world = try Presenting()
        let root = world.root()
        let proof = try world.proof(under: root)
        // The same jti, holder and tools, signed again: all but the hash fits.
        let again = world.root { $0["exp"] = .int(Int(Presenting.now) + 299) }
        let denial = try #require(world.decide([again], proof))
        #expect(denial.reason.rawValue == "pop_token_mismatch" && denial.place == "proof.aat_hash")
        #expect(world.reason([root], proof) == nil)
        let child = try world.child(of: root)
        #expect(world.reason([root, child], try world.proof(under: child)) == nil)
        #expect(world.reason([root, child], try world.proof(under: root)) == "pop_token_mismatch")
    }

    @Test func aClaimOfAProofThatIsMissingOrOfAnotherTypeIsDenied() throws {
        let world = try Presenting()
        let root = world.root()
        for name in ["jti", "iat", "aat_id", "aat_hash", "aat_tool", "hta"] {
            for wrong: JSONTree? in [nil, .null, 7, "", [], ["a"], true] {
                #expect(world.reason([root], try world.proof(under: root) { $0[name] = wrong }) != nil, "\(name)")
            }
        }
        for wrong: JSONTree in [.null, 7, "", ["files"], "file", "FILES"] {
            let proof = try world.proof(under: root) { $0["aat_aud"] = wrong }
            #expect(world.reason([root], proof) == "pop_recipient_mismatch", "\(wrong.text)")
        }
    }

    @Test func aKeyInAHeaderIsAsIfItWereAbsent() throws {
        let world = try Presenting()
        let thief = try SigningKey.generate()
        func token(_ member: String, by key: SigningKey) throws -> [UInt8] {
            let payload = try CompactJWS(world.root()).payloadBytes()
            let header = #"{"alg":"Ed25519","typ":"aat+jwt",\#(member)}"#
            let input = Array("\(Base64URL.encode(Array(header.utf8))).\(Base64URL.encode(payload))".utf8)
            return input + Array(("." + Base64URL.encode(key.sign(input.span))).utf8)
        }
        let jwk = #""jwk":\#(thief.publicKey.jwk.text)"#
        let own = try token(jwk, by: world.issuer)
        #expect(world.reason([own], try world.proof(under: own)) == nil, "it is verified as if that were absent")
        let forged = try token(jwk, by: thief)
        #expect(world.reason([forged], try world.proof(under: forged)) == "untrusted_root")
        for member in [#""crit":["exp"]"#, #""crit":[]"#, #""crit":["b64"],"b64":false"#] {
            let critical = try token(member, by: world.issuer)
            #expect(world.reason([critical], try world.proof(under: critical)) == "token_malformed", "\(member)")
        }
    }

    @Test func aClaimThatMeansNothingHereRefusesNoToken() throws {
        let world = try Presenting()
        for number in ["1e99999", "1e-99999", "9007199254740993", String(repeating: "1", count: 400)] {
            let claims = String(decoding: try CompactJWS(world.root()).payloadBytes(), as: UTF8.self)
            let payload = Array((#"{"x":[\#(number)],"# + claims.dropFirst()).utf8)
            let root = CompactJWS.make(type: "aat+jwt", payload: payload) { world.issuer.sign($0) }
            #expect(world.reason([root], try world.proof(under: root)) == nil, "\(number)")
            #expect(try CompactJWS(root).payload().root["x"]?.elements.first { _ in true }?.int == nil)
        }
    }
}
