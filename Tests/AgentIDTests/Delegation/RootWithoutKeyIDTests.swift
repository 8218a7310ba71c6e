import JOSE
import StrictJSON
import Testing

@testable import AgentID

/// A root that names no key costs a few verifications, however many keys are trusted.
struct RootWithoutKeyIDTests {
    private let call = Array("{}".utf8)
    private let holder: SigningKey

    init() throws { holder = try SigningKey.generate() }

    private func guardian(_ bundles: [String: [SigningKey]], bare: [SigningKey] = []) throws -> Guard {
        var options = Guard.Options()
        options.audience = "g"
        let guardian = try Guard(options)
        for (domain, keys) in bundles { try guardian.addBundle(HandMade.bundle(keys, sequence: 1), for: domain) }
        if !bare.isEmpty { try guardian.trust(bare.map(\.publicKey), issuer: "https://issuer.example") }
        return guardian
    }

    private func root(_ key: SigningKey, issuer: String = "spiffe://acme.example") -> [UInt8] {
        HandMade.root(key, to: holder, keyID: .some(nil), ["iss": .string(issuer)])
    }

    private func refusal(_ guardian: Guard, _ chain: [UInt8]) -> Denial? {
        do throws(Denial) {
            _ = try guardian.admit(chain: chain)
            return nil
        } catch { return error }
    }

    private func keys(_ count: Int) throws -> [SigningKey] { try (0..<count).map { _ in try SigningKey.generate() } }

    @Test func onlyTheKeysOfItsIssuerAreTried() throws {
        let (acme, partner) = (try keys(2), try keys(2))
        let guardian = try guardian(["acme.example": acme, "partner.example": partner])
        #expect(refusal(guardian, root(acme[1])) == nil)
        #expect(refusal(guardian, root(partner[0]))?.reason.rawValue == "untrusted_root")
        #expect(refusal(guardian, root(partner[0], issuer: "spiffe://partner.example")) == nil)
        let nobody = root(acme[0], issuer: "spiffe://nobody.example")
        #expect(refusal(guardian, nobody)?.reason.rawValue == "untrusted_root")
    }

    @Test func aBareKeySpeaksForWhomNoBundleIsHeld() throws {
        let (acme, bare) = (try keys(1), try keys(2))
        let guardian = try guardian(["acme.example": acme], bare: bare)
        #expect(refusal(guardian, root(bare[1], issuer: "https://issuer.example")) == nil)
        #expect(refusal(guardian, root(bare[1]))?.reason.rawValue == "untrusted_root")
    }

    /// A bundle names its keys by their thumbprints: under another name a key speaks for the issuer that trusts it bare.
    @Test func anotherNameOfAKeySpeaksForNoBundle() throws {
        let both = try keys(1)
        let guardian = try guardian(["acme.example": both], bare: both)
        func reason(_ issuer: String, keyID: String) -> String? {
            let chain = HandMade.root(both[0], to: holder, keyID: .some(keyID), ["iss": .string(issuer)])
            return refusal(guardian, chain)?.reason.rawValue
        }
        for issuer in ["spiffe://acme.example", "https://issuer.example"] {
            #expect(reason(issuer, keyID: both[0].publicKey.thumbprint) == nil)
        }
        #expect(reason("https://issuer.example", keyID: "2026-11") == nil)
        #expect(reason("spiffe://acme.example", keyID: "2026-11") == "untrusted_root")
    }

    /// Counted by what is tried: with one key more than that the right one is not found either.
    @Test func moreThanAFewKeysNeedAKeyID() throws {
        let most = TrustAnchors.mostTried
        let (few, many) = (try keys(most), try keys(most + 1))
        let guardian = try guardian(["acme.example": few, "partner.example": many], bare: many)
        for key in few { #expect(refusal(guardian, root(key)) == nil) }
        for issuer in ["spiffe://partner.example", "https://issuer.example", "spiffe://nobody.example"] {
            for key in many {
                let denial = try #require(refusal(guardian, root(key, issuer: issuer)))
                #expect(denial.reason.rawValue == "untrusted_root" && denial.place == "chain[0].kid")
                #expect(denial.message.contains("its header needs a kid"))
            }
        }
        let named = HandMade.root(many[0], to: holder, ["iss": "spiffe://partner.example"])
        #expect(refusal(guardian, named) == nil)
    }
}
