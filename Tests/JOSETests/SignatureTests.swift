import JOSE
import StrictJSON
import TestSupport
import Testing

/// Ed25519 as a strict verifier sees it, and the tokens that must be refused whatever they are signed with.
@Suite struct SignatureTests {
    static func hex(_ text: String) -> [UInt8] {
        let digits = Array(text.utf8).compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
        return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    @Test(.enabled(if: Corpus.isPresent, "left out: ../shared is absent"))
    func wycheproofVerdictsHold() throws {
        let groups = try #require(try Corpus.json("crypto/wycheproof/ed25519_test.json")["testGroups"])
        var count = 0
        for group in groups.elements {
            let key = try PublicKey(bytes: Self.hex(group["publicKey"]?["pk"]?.string ?? ""))
            for test in group["tests"]?.elements ?? groups.elements {
                let signature = Self.hex(test["sig"]?.string ?? "")
                let message = Self.hex(test["msg"]?.string ?? "")
                let isValid = test["result"]?.equals("valid") == true
                #expect(key.verifies(signature.span, of: message.span) == isValid, "tcId \(test["tcId"]?.int ?? 0)")
                count += 1
            }
        }
        #expect(count >= 100)
    }

    @Test func onlyEd25519ByItsNameOfRFC9864IsAccepted() throws {
        let key = try SigningKey.generate()
        func token(_ header: String) -> [UInt8] {
            var input = Array((Base64URL.encode(Array(header.utf8)) + "." + Base64URL.encode(Array("{}".utf8))).utf8)
            let signature = key.sign(input.span)
            input += Array(("." + Base64URL.encode(signature)).utf8)
            return input
        }
        #expect(try CompactJWS(token(#"{"alg":"Ed25519"}"#)).isSigned(by: key.publicKey))
        #expect(try CompactJWS(token(#"{"alg":"Ed25519","typ":"x","kid":"y"}"#)).isSigned(by: key.publicKey))
        let refused = [
            #"{"alg":"none"}"#, #"{"alg":"None"}"#, #"{"alg":"HS256"}"#, #"{"alg":"ES256"}"#, #"{"alg":"Ed448"}"#,
            #"{"alg":"EdDSA"}"#, #"{"alg":"eddsa"}"#, #"{"alg":"ed25519"}"#, #"{"alg":"Ed25519 "}"#, "{}",
            #"{"alg":["Ed25519"]}"#, #"{"alg":"Ed25519","crit":["exp"]}"#, #"{"alg":"Ed25519","crit":[]}"#,
            #"{"alg":"Ed25519","crit":null}"#, #"{"alg":"Ed25519","b64":false,"crit":["b64"]}"#,
            #"{"alg":"Ed25519","alg":"none"}"#, #"{"alg":"Ed25519","kid":1}"#, #"{"alg":"Ed25519","typ":1}"#, "[]", "{",
        ]
        for header in refused { #expect(throws: JOSEError.self, "\(header)") { try CompactJWS(token(header)) } }
        let good = token(#"{"alg":"Ed25519"}"#)
        for bad in [good + [0x3D], good + [0x0A], [0x20] + good, good + Array(".x".utf8), Array(good.dropLast()), []] {
            #expect(throws: JOSEError.self) { try CompactJWS(bad) }
        }
        let dots = [UInt8](repeating: UInt8(ascii: "."), count: 1_000_000)
        #expect(throws: JOSEError.self) { try CompactJWS(dots) }
    }

    @Test func aKeyInAHeaderCountsForNothing() throws {
        let (key, other) = (try SigningKey.generate(), try SigningKey.generate())
        let jwk = other.publicKey.jwk.text
        for member in [
            #""jwk":\#(jwk)"#, #""jku":"https://x""#, #""x5c":["AA=="]"#, #""x5u":"https://x""#, #""zip":"DEF""#,
            #""b64":false"#, #""x":{"y":[1]}"#,
        ] {
            let header = #"{"alg":"Ed25519","typ":"aat+jwt",\#(member)}"#
            var token = Array((Base64URL.encode(Array(header.utf8)) + "." + Base64URL.encode(Array("{}".utf8))).utf8)
            token += Array(("." + Base64URL.encode(key.sign(token.span))).utf8)
            let jws = try CompactJWS(token)
            #expect(jws.isSigned(by: key.publicKey) && !jws.isSigned(by: other.publicKey), "\(member)")
            #expect(jws.bringsKey == (member.contains("jwk") || member.contains("jku") || member.contains("x5")))
        }
    }

    /// They are ignored, and the token is not refused for them.
    @Test(arguments: [(1, true), (1800, true), (3000, true), (3050, true), (3080, false), (200_000, false)])
    func aHeaderMayCarryACertificateChain(length: Int, isRead: Bool) throws {
        let key = try SigningKey.generate()
        let certificates = [String](repeating: "\"\(String(repeating: "M", count: length))\"", count: 4)
        let header = #"{"alg":"Ed25519","typ":"aat+jwt","x5c":[\#(certificates.joined(separator: ","))]}"#
        var token = Array((Base64URL.encode(Array(header.utf8)) + "." + Base64URL.encode(Array("{}".utf8))).utf8)
        token += Array(("." + Base64URL.encode(key.sign(token.span))).utf8)
        guard isRead else {
            #expect(throws: JOSEError.self) { try CompactJWS(token) }
            return
        }
        let jws = try CompactJWS(token)
        #expect(jws.isSigned(by: key.publicKey) && jws.bringsKey)
    }

    @Test func base64urlHasOneTextForEachByteString() throws {
        for length in 0..<70 {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) }
            #expect(try Base64URL.decode(Base64URL.encode(bytes)) == bytes)
        }
        for text in ["A", "AA=", "AA==", "AB", "AAB", "A A", "A+/_", "AAAA\n", "ÄÄ"] {
            #expect(throws: JOSEError.self, "\(text)") { try Base64URL.decode(text) }
        }
    }

    @Test func publicKeysCarryNoPrivateMember() throws {
        let key = try SigningKey.generate()
        let exported = try key.withExportedJWK { jwk in (0..<jwk.count).map { jwk[$0] } }
        #expect(throws: JOSEError.self) { try PublicKey(jwk: JSON(parsing: exported).root) }
        #expect(try SigningKey(jwk: exported.span).publicKey == key.publicKey)
        // RFC 8037 appendix A.3.
        let known = #"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#
        #expect(
            try PublicKey(jwk: JSON(parsing: known).root).thumbprint == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")
    }
}
