import AgentID
import JOSE
import StrictJSON
import Testing

/// Chains made by hand, correctly signed, each wrong in one claim: AAT section 8 says which reason each gets.
@Suite struct ForgedChainTests {
    static let now: Int64 = 1_790_000_000

    /// A chain under construction: each grant signed by the key that the one before names.
    struct Forge {
        let rootKey: SigningKey
        var tokens: [[UInt8]] = []
        var signer: SigningKey
        var claims: JSONTree.Members = [:]

        init() throws {
            rootKey = try SigningKey.generate()
            signer = rootKey
        }

        /// Adds a grant that is right but for `change`.
        mutating func add(
            _ tools: JSONTree = [
                "read_file": ["path": ["constraint_type": "all", "constraints": [["constraint_type": "wildcard"]]]]
            ],
            _ change: (inout JSONTree.Members) -> Void = { _ in }
        ) throws {
            let holder = try SigningKey.generate()
            let depth = tokens.count
            var payload: JSONTree.Members = [
                "jti": .string("grant-\(depth)"), "iat": .int(Int(now)), "exp": .int(Int(now) + 300),
                "iss": depth == 0
                    ? "spiffe://acme.example"
                    : .string("urn:ietf:params:oauth:jwk-thumbprint:sha-256:" + signer.publicKey.thumbprint),
                "del_depth": .int(depth), "del_max_depth": 4, "cnf": ["jwk": holder.publicKey.jwk],
                "authorization_details": [["type": "attenuating_agent_token", "tools": tools]],
            ]
            if let above = tokens.last { payload["par_hash"] = .string(try CompactJWS(above).signingInputHash) }
            change(&payload)
            let key = signer
            tokens.append(
                CompactJWS.make(type: "aat+jwt", payload: JSONTree.object(payload).canonical()) { key.sign($0) })
            signer = holder
        }

        /// Why a guard that trusts the root's key denies the chain; `nil` where it does not.
        func reason(_ change: (inout Guard.Options) -> Void = { _ in }) throws -> String? {
            var options = Guard.Options()
            options.acceptsProofsWithoutAudience = true
            options.clock = CallbackClock { now * 1000 }
            change(&options)
            let guardian = try Guard(options)
            try guardian.trust([rootKey.publicKey], issuer: "spiffe://acme.example")
            do { _ = try guardian.admit(chain: Array(tokens.joined(separator: [UInt8(ascii: "~")]))) } catch {
                return error.reason.rawValue
            }
            return nil
        }

        static func chain(_ changes: [Change]) throws -> Forge {
            var forge = try Forge()
            for change in changes { try forge.add(change) }
            return forge
        }

        mutating func add(_ change: (inout JSONTree.Members) -> Void) throws {
            try add(
                ["read_file": ["path": ["constraint_type": "all", "constraints": [["constraint_type": "wildcard"]]]]],
                change)
        }
    }

    typealias Change = @Sendable (inout JSONTree.Members) -> Void
    static let right: Change = { _ in }

    static func set(_ name: String, _ value: JSONTree?) -> Change { { $0[name] = value } }

    @Test func aRightChainIsAdmitted() throws {
        #expect(try Forge.chain([Self.right]).reason() == nil)
        #expect(try Forge.chain([Self.right, Self.right, Self.right]).reason() == nil)
    }

    @Test func aWrongRootIsDeniedForItsReason() throws {
        let now = Int(Self.now)
        let cases: [(Change, String)] = [
            (Self.set("exp", .int(now)), "expired"), (Self.set("exp", .int(now - 1)), "expired"),
            (Self.set("exp", nil), "token_malformed"), (Self.set("exp", "never"), "token_malformed"),
            (Self.set("exp", .int(-1)), "token_malformed"), (Self.set("iat", .int(now + 31)), "not_yet_valid"),
            (Self.set("iat", nil), "token_malformed"), (Self.set("jti", nil), "token_malformed"),
            (Self.set("jti", ""), "token_malformed"), (Self.set("jti", 7), "token_malformed"),
            (Self.set("iss", "nobody"), "token_malformed"), (Self.set("del_depth", 1), "root_depth_invalid"),
            (Self.set("del_depth", .int(-1)), "delegation_depth_invalid"),
            (Self.set("del_max_depth", 17), "delegation_ceiling_invalid"),
            (Self.set("del_max_depth", "4"), "delegation_ceiling_invalid"),
            (Self.set("par_hash", "x"), "par_hash_present_on_root"), (Self.set("cnf", nil), "holder_key_invalid"),
            (Self.set("cnf", ["jwk": ["kty": "RSA"]]), "holder_key_invalid"),
            (Self.set("authorization_details", nil), "authorization_details_invalid"),
            (Self.set("authorization_details", []), "authorization_details_invalid"),
            (
                {
                    $0["iat"] = .int(now - 5)
                    $0["exp"] = .int(now + 90 * 86_400)
                }, "lifetime_exceeded"
            ),
            (
                Self.set(
                    "authorization_details",
                    [["type": "attenuating_agent_token", "tools": ["t": ["a": ["constraint_type": "regex"]]]]]),
                "constraint_type_unrecognized"
            ),
            (Self.set("urn:agentid:1", []), "token_malformed"),
            (Self.set("urn:agentid:1", ["agent": "not an ID"]), "token_malformed"),
            // What a guard does not know could be a limit.
            (Self.set("urn:agentid:1", ["budget": ["usd": "5"]]), "token_malformed"),
            (Self.set("urn:agentid:1", ["Isolated": true]), "token_malformed"),
            (Self.set("urn:agentid:1", ["isolated": 1]), "token_malformed"),
            (Self.set("urn:agentid:1", ["limits": []]), "token_malformed"),
            (Self.set("urn:agentid:1", ["limits": [["id": "a", "match": "*", "then": "deny"]]]), "token_malformed"),
            (
                Self.set("urn:agentid:1", ["limits": [["id": "a", "match": "*", "rate": ["calls": 0, "per": "1s"]]]]),
                "token_malformed"
            ),
        ]
        for (i, (change, reason)) in cases.enumerated() {
            #expect(try Forge.chain([change]).reason() == reason, "case \(i)")
        }
    }

    @Test func aWrongChildIsDeniedForItsReason() throws {
        let now = Int(Self.now)
        let cases: [(Change, String)] = [
            (Self.set("par_hash", nil), "par_hash_missing"), (Self.set("par_hash", "AAAA"), "par_hash_mismatch"),
            (Self.set("iss", "https://issuer.example"), "issuer_thumbprint_mismatch"),
            (Self.set("del_depth", 2), "delegation_depth_invalid"),
            (Self.set("del_max_depth", 5), "delegation_ceiling_raised"),
            (Self.set("del_max_depth", 0), "depth_exceeds_own_ceiling"),
            (Self.set("exp", .int(now + 301)), "expiry_exceeds_parent"), (Self.set("exp", .int(now)), "expired"),
            (Self.set("iat", .int(now - 1)), "issued_before_parent"),
            (Self.set("jti", "grant-0"), "chain_cycle_detected"),
            (Self.set("urn:agentid:1", ["owner": "user:eve@evil.example"]), "context_override"),
            (Self.set("urn:agentid:1", ["task": "other"]), "context_override"),
        ]
        for (i, (change, reason)) in cases.enumerated() {
            #expect(try Forge.chain([Self.right, change]).reason() == reason, "case \(i)")
        }
    }

    @Test func aWidenedScopeIsDenied() throws {
        func reason(_ parent: JSONTree, _ child: JSONTree) throws -> String? {
            var forge = try Forge()
            try forge.add(parent)
            try forge.add(child)
            return try forge.reason()
        }
        let narrow: JSONTree = ["t": ["a": ["constraint_type": "range", "min": 0, "max": 5]]]
        #expect(try reason(narrow, ["t": ["a": ["constraint_type": "range", "min": 1, "max": 5]]]) == nil)
        for wider: JSONTree in [
            ["t": ["a": ["constraint_type": "range", "min": 0, "max": 6]]],
            ["t": ["a": ["constraint_type": "wildcard"]]], ["t": [:]],
            ["t": ["a": ["constraint_type": "range", "min": 0, "max": 5], "b": ["constraint_type": "wildcard"]]],
            ["t": ["a": ["constraint_type": "range", "min": 0, "max": 5]], "u": [:]],
        ] { #expect(try reason(narrow, wider) != nil, "\(wider.text)") }
    }

    @Test func tooLongAndTooDeepChainsAreDenied() throws {
        var forge = try Forge()
        for _ in 0..<6 { try forge.add { $0["del_max_depth"] = 16 } }
        #expect(try forge.reason() == nil)
        #expect(try forge.reason { $0.limits.depth = 4 } == "delegation_depth_exceeded")
        #expect(try forge.reason { $0.limits.chainSize = 100 } == "chain_too_long")
        #expect(try forge.reason { $0.limits.tokenSize = 100 } == "token_too_large")
        try forge.add { $0["del_max_depth"] = 16 }
        forge.tokens.removeFirst()
        #expect(try forge.reason() == "untrusted_root")
        forge.tokens = []
        #expect(try forge.reason() == "chain_empty")
    }

    @Test func aLinkSignedByTheWrongKeyIsDenied() throws {
        var forge = try Forge()
        try forge.add()
        forge.signer = try SigningKey.generate()
        try forge.add()
        #expect(try forge.reason() == "invalid_signature")
        // Signed by the root's own key, as by an authority that was never asked.
        forge.tokens.removeLast()
        forge.signer = forge.rootKey
        try forge.add()
        #expect(try forge.reason() == "invalid_signature")
    }

    @Test func labelsNeverGetFewer() throws {
        let name = "urn:agentid:1"
        let labelled = Self.set(name, ["labels": ["secret"]])
        #expect(try Forge.chain([labelled, labelled]).reason() == nil)
        #expect(try Forge.chain([labelled, Self.set(name, ["labels": ["secret", "untrusted"]])]).reason() == nil)
        for fewer in [Self.right, Self.set(name, ["labels": ["untrusted"]]), Self.set(name, [:])] {
            #expect(try Forge.chain([labelled, fewer]).reason() == "flow_forbidden")
        }
    }

    @Test func theClaimIsNeededWhereAGuardSaysSo() throws {
        let named = Self.set("urn:agentid:1", ["agent": "spiffe://acme.example/agent/a/1"])
        let below = Self.set("urn:agentid:1", ["agent": "spiffe://acme.example/agent/a/1/b/2"])
        #expect(try Forge.chain([named, below]).reason { $0.requiresClaim = true } == nil)
        #expect(try Forge.chain([named, Self.right]).reason { $0.requiresClaim = true } == "token_malformed")
        #expect(try Forge.chain([Self.right]).reason { $0.requiresClaim = true } == "token_malformed")
        let beside = Self.set("urn:agentid:1", ["agent": "spiffe://acme.example/agent/a/10"])
        #expect(try Forge.chain([named, beside]).reason() == "agent_not_under_parent")
    }
}
