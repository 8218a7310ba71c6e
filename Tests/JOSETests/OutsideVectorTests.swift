import Foundation
import JOSE
import StrictJSON
import TestSupport
import Testing

/// Signatures, keys and tokens that nobody here wrote. What each suite wants of a strict verifier is in SECURITY.md.
@Suite(.enabled(if: Corpus.isPresent, "left out: ../shared is absent"))
struct OutsideVectorTests {
    private static func verifies(_ test: JSON.Value, key: String, signature: String, message: [UInt8]) throws -> Bool {
        let key = try PublicKey(bytes: SignatureTests.hex(test[key]?.string ?? ""))
        return key.verifies(SignatureTests.hex(test[signature]?.string ?? "").span, of: message.span)
    }

    @Test func edgesOfTheCurveAreDecidedAsLibsodiumDoes() throws {
        let tests = Array(try Corpus.json("crypto/cctv/ed25519vectors.json").elements)
        var accepted = 0
        for test in tests {
            let isAccepted = try Self.verifies(
                test, key: "key", signature: "sig", message: Array((test["msg"]?.string ?? "").utf8))
            #expect(isAccepted == (test["libsodium_1_0_18"]?.equals("accept") == true), "\(test["number"]?.int ?? -1)")
            let flags = Set(test["flags"]?.elements.compactMap(\.string) ?? [])
            let isAbsurd = !flags.isDisjoint(with: ["low_order_A", "low_order_R", "non_canonical_A", "non_canonical_R"])
            #expect(!(isAccepted && isAbsurd), "\(test["number"]?.int ?? -1): \(flags)")
            if isAccepted { accepted += 1 }
        }
        #expect(tests.count > 600 && accepted > 0)
    }

    @Test func specialCasesOfSpeccheckAreRefused() throws {
        let tests = Array(try Corpus.json("crypto/speccheck/cases.json").elements)
        #expect(tests.count == 12)
        for (i, test) in tests.enumerated() {
            let message = SignatureTests.hex(test["message"]?.string ?? "")
            #expect(
                try Self.verifies(test, key: "pub_key", signature: "signature", message: message)
                    == (test["libsodium_1_0_18"]?.equals("accept") == true), "case \(i)")
        }
    }

    @Test func signsAsRFC8032Does() throws {
        var count = 0
        for test in try Corpus.json("crypto/rfc8032/sign_input.json").elements {
            let seed = Array(SignatureTests.hex(test["priv"]?.string ?? "").prefix(32))
            let jwk = Array(#"{"kty":"OKP","crv":"Ed25519","d":"\#(Base64URL.encode(seed))"}"#.utf8)
            let key = try SigningKey(jwk: jwk.span)
            let message = SignatureTests.hex(test["message"]?.string ?? "")
            #expect(key.publicKey.bytes == SignatureTests.hex(test["pub"]?.string ?? ""))
            let signature = key.sign(message.span)
            #expect(signature == SignatureTests.hex(test["sig"]?.string ?? ""), "n \(count)")
            let isVerified = key.publicKey.verifies(signature.span, of: message.span)
            #expect(isVerified)
            count += 1
        }
        #expect(count > 300)
    }

    @Test func tokensOfOtherAlgorithmsAreRefusedWithoutACrash() throws {
        var count = 0
        for name in ["json_web_signature_test", "json_web_key_test", "json_web_crypto_test"] {
            for group in try #require(try Corpus.json("jose/wycheproof/\(name).json")["testGroups"]).elements {
                for test in try #require(group["tests"]).elements {
                    let token = Array((test["jws"]?.string ?? test["jwe"]?.string ?? "").utf8)
                    #expect(throws: JOSEError.self, "\(name) \(test["tcId"]?.int ?? 0)") { try CompactJWS(token) }
                    count += 1
                }
            }
        }
        let forged = try String(contentsOfFile: "\(Corpus.root)/vectors/jose/patt_tokens.txt", encoding: .utf8)
        for line in forged.split(separator: "\n") {
            #expect(throws: JOSEError.self) { try CompactJWS(Array(line.utf8)) }
            count += 1
        }
        #expect(count > 300)
    }

    @Test func keysOfOtherTypesAreRefused() throws {
        var count = 0
        for group in try #require(try Corpus.json("jose/wycheproof/x25519_jwk_test.json")["testGroups"]).elements {
            for test in try #require(group["tests"]).elements {
                for member in ["public", "private"] {
                    guard let jwk = test[member] else { continue }
                    #expect(throws: JOSEError.self) { try PublicKey(jwk: jwk) }
                    let bytes = jwk.canonical()
                    #expect(throws: JOSEError.self) { try SigningKey(jwk: bytes.span) }
                    count += 1
                }
            }
        }
        let folder = "\(Corpus.root)/vectors/jose/cookbook/jwk"
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            let jwk = try Corpus.json("jose/cookbook/jwk/\(name)")
            #expect(throws: JOSEError.self, "\(name)") { try PublicKey(jwk: jwk) }
        }
        #expect(count > 500)
    }

    /// They write `EdDSA`: the signatures are ours, the name of the algorithm is refused.
    @Test func tokensOfOtherLibrariesVerifyAndTheirOldNameOfTheAlgorithmIsRefused() throws {
        let example = try Corpus.json("jose/cookbook/curve25519/jws.json")
        let input = try #require(example["input"])
        let key = try SigningKey(jwk: try #require(input["key"]).canonical().span)
        try expectSuperseded(try #require(example["output"]?["compact"]?.string), signedBy: key.publicKey)

        let opa = try Corpus.json("jose/opa_eddsa.json")
        let pem = try #require(opa["spki_pem"]?.string).split(separator: "\n")[1]
        let spki = try #require(Data(base64Encoded: String(pem)))
        try expectSuperseded(try #require(opa["token"]?.string), signedBy: PublicKey(bytes: Array(spki.suffix(32))))
    }

    private func expectSuperseded(_ token: String, signedBy key: PublicKey) throws {
        let bytes = Array(token.utf8)
        let dot = try #require(bytes.lastIndex(of: UInt8(ascii: ".")))
        let signature = try Base64URL.decode(bytes.span.extracting(dot + 1..<bytes.count))
        let isSigned = key.verifies(signature.span, of: bytes.span.extracting(0..<dot))
        #expect(isSigned)
        let error = #expect(throws: JOSEError.self) { try CompactJWS(bytes) }
        #expect(error?.name == "algorithm_superseded")
    }

    @Test func lenientBase64IsRefused() throws {
        var accepted = 0
        for test in try Corpus.json("base64/wpt_forgiving_base64.json").elements {
            let parts = Array(test.elements)
            let text = parts[0].string ?? ""
            guard let decoded = try? Base64URL.decode(text) else { continue }
            // Whatever is accepted is what a lenient reader reads too, and has one spelling only.
            #expect(decoded.map(Int.init) == parts[1].elements.compactMap(\.int) && Base64URL.encode(decoded) == text)
            accepted += 1
        }
        #expect(accepted > 2)
    }
}
