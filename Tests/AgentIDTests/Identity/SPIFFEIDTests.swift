import AgentID
import StrictJSON
import TestSupport
import Testing

/// SPIFFE IDs and bundles as go-spiffe reads them, and the lengths that only the specification limits.
@Suite struct SPIFFEIDTests {
    @Test(
        .enabled(if: Corpus.isPresent, "left out: ../shared is absent"), arguments: ["literals", "trustdomain_chars"])
    func idsAreReadAsTheReferenceReadsThem(_ name: String) throws {
        var (accepted, refused) = (0, 0)
        for test in try Corpus.json("spiffe/ids_\(name).json").elements {
            let text = test["id"]?.string ?? ""
            let isRight = test["ok"]?.bool == true
            #expect(((try? SPIFFEID(text)) != nil) == isRight, "\(text.debugDescription)")
            if isRight { accepted += 1 } else { refused += 1 }
        }
        #expect(accepted > 0 && refused > 10)
    }

    @Test func lengthsAreThoseOfTheSpecification() throws {
        let head = "spiffe://acme.example/"
        #expect(throws: Never.self) { try SPIFFEID(head + String(repeating: "a", count: 2048 - head.utf8.count)) }
        #expect(throws: AgentIDError.self) {
            try SPIFFEID(head + String(repeating: "a", count: 2049 - head.utf8.count))
        }
        #expect(throws: Never.self) { try TrustDomain(String(repeating: "a", count: 255)) }
        #expect(throws: AgentIDError.self) { try TrustDomain(String(repeating: "a", count: 256)) }
    }

    @Test(.enabled(if: Corpus.isPresent, "left out: ../shared is absent"))
    func bundlesWithoutOurKeysAreRefusedWithoutACrash() throws {
        let folder = "spiffe/testdata"
        for path in [
            "bundle/jwtbundle/testdata/jwks_valid_1", "bundle/spiffebundle/testdata/spiffebundle_valid_1",
            "bundle/spiffebundle/testdata/spiffebundle_valid_with_wit",
            "exp/bundle/witbundle/testdata/jwks_missing_kid",
        ] {
            var options = Guard.Options()
            options.acceptsProofsWithoutAudience = true
            let guardian = try Guard(options)
            let json = try Corpus.json("\(folder)/\(path).json").canonical()
            #expect(throws: AgentIDError.self, "\(path)") { try guardian.addBundle(json, for: "acme.example") }
        }
    }

    @Test func anOlderBundleDoesNotReplaceANewerOne() throws {
        let world = try World()
        let old = try world.authority.bundle()
        try world.authority.publishKey()
        let guardian = try world.guarding()
        #expect(throws: AgentIDError.self) { try guardian.addBundle(Array(old.utf8), for: "acme.example") }
        // What was signed under the keys it has is still admitted.
        _ = try guardian.admit(chain: Array(world.start().chain().utf8))
    }
}
