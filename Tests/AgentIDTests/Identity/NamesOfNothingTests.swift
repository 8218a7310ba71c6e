import AgentID
import JOSE
import Scopes
import StrictJSON
import Testing

/// A name or key that can stand for nothing is refused where it is given, with a message that says what to write.
struct NamesOfNothingTests {
    private func message(_ body: () throws -> Void) -> String {
        do { try body() } catch { return "\(error)" }
        return "accepted"
    }

    @Test func aRevocationOfAnAgentNamesAnAgent() throws {
        for domain in ["spiffe://acme.example", "spiffe://a"] {
            #expect(message { _ = try Revocation(.agent, domain) }.contains("names a trust domain"))
        }
        #expect(message { _ = try Revocation(.agent, "spiffe://acme.example/") } != "accepted")
        _ = try Revocation(.agent, "spiffe://acme.example/agent/p/1")
    }

    @Test func aCeilingNamesATool() throws {
        func profile(_ ceiling: String) throws -> Profile {
            try Profile(name: "p", owner: "team:a@acme.example", ceiling: Scope(ceiling))
        }
        for nothing in ["", " ", "{}"] {
            #expect(message { _ = try profile(nothing) }.contains("the ceiling names no tool"))
        }
        _ = try profile("read_file")
    }

    @Test func aLongURISaysThatItIsTooLong() throws {
        let principal = "user:" + String(repeating: "a", count: 2044)
        #expect(message { _ = try Revocation(.principal, principal) }.contains("2048 bytes"))
        _ = try Revocation(.principal, String(principal.dropLast()))
    }

    /// Small order, not canonical, off the curve: under none of them a signature verifies.
    @Test(arguments: [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0200000000000000000000000000000000000000000000000000000000000000",
    ])
    func noApproverHasAKeyThatNobodyCanSignWith(hex: String) throws {
        let bytes = stride(from: 0, to: hex.utf8.count, by: 2).map { i -> UInt8 in
            let start = hex.index(hex.startIndex, offsetBy: i)
            return UInt8(hex[start..<hex.index(start, offsetBy: 2)], radix: 16) ?? 0
        }
        let world = try World()
        let rule = #"{"id":"r","match":"pay","approval":{"of":["user:a"]}}"#
        func policy(_ key: [UInt8]) -> [UInt8] {
            let approvers = #"[{"name":"user:a","key":"\#(Base64URL.encode(key))"}]"#
            return Array(#"{"version":1,"approvers":\#(approvers),"rules":[\#(rule)]}"#.utf8)
        }
        #expect(message { try world.authority.applyPolicy(policy(bytes)) }.contains("approvers[0].key"))
        try world.authority.applyPolicy(policy(SigningKey.generate().publicKey.bytes))
    }

    @Test func anApproverIsNamedAsAPrincipalIs() throws {
        let world = try World()
        let key = try Base64URL.encode(SigningKey.generate().publicKey.bytes)
        func policy(_ name: String) -> [UInt8] {
            let rule = #"{"id":"r","match":"pay","approval":{"of":["\#(name)"]}}"#
            return Array(
                #"{"version":1,"approvers":[{"name":"\#(name)","key":"\#(key)"}],"rules":[\#(rule)]}"#.utf8)
        }
        for name in ["Alice", "user:", ":alice", "user:alice smith", "user:\u{E9}ric"] {
            #expect(message { try world.authority.applyPolicy(policy(name)) }.contains("approvers[0].name"))
        }
        try world.authority.applyPolicy(policy("user:alice"))
    }

    @Test func aBundlesKeyOfCertificatesIsSkipped() throws {
        let (root, certificates) = (try SigningKey.generate(), try SigningKey.generate())
        func jwk(_ key: SigningKey, _ members: String) -> String {
            #"{"kty":"OKP","crv":"Ed25519","x":"\#(Base64URL.encode(key.publicKey.bytes))",\#(members)}"#
        }
        let own = jwk(root, #""kid":"\#(root.publicKey.thumbprint)","use":"wit-svid""#)
        let other = jwk(certificates, #""use":"x509-svid","x5c":["MIIB"]"#)
        var options = Guard.Options()
        options.audience = "files"
        let guardian = try Guard(options)
        try guardian.addBundle(Array(#"{"keys":[\#(other),\#(own)]}"#.utf8), for: "partner.example")
        // Alone it is nothing that chains can be verified under.
        let alone = Array(#"{"keys":[\#(other)]}"#.utf8)
        #expect(message { try guardian.addBundle(alone, for: "other.example") }.contains("no Ed25519 key"))
    }
}

extension NamesOfNothingTests {
    @Test(arguments: ["github.*", "*", "a*b"])
    func noCeilingNamesAToolByAPattern(name: String) throws {
        for text in ["'\(name)'", "read; \"\(name)\"(x: *)"] {
            let ceiling = try Scope(text: text)
            #expect(
                message { _ = try Profile(name: "p", owner: "team:x@acme.example", ceiling: ceiling) }
                    .contains("names each tool"))
        }
    }
}
