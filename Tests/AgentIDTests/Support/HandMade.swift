import AgentID
import JOSE
import StrictJSON
import Testing

/// Tokens and bundles made by hand, as an enemy with a key makes them; all of `acme.example`.
enum HandMade {
    static func bundle(_ keys: [SigningKey], sequence: Int, members: String = "") -> [UInt8] {
        let jwks = keys.map { key in
            #"{"kty":"OKP","crv":"Ed25519","x":"\#(Base64URL.encode(key.publicKey.bytes))","#
                + #""kid":"\#(key.publicKey.thumbprint)"\#(members)}"#
        }
        return Array(#"{"spiffe_sequence":\#(sequence),"keys":[\#(jwks.joined(separator: ","))]}"#.utf8)
    }

    static func root(
        _ issuer: SigningKey, to holder: SigningKey, agent: String? = nil, keyID: String?? = .none,
        at now: Int64? = nil,
        lifetime: Int64 = 600, tools: JSONTree = ["read": [:]], _ extra: JSONTree.Members = [:]
    ) -> [UInt8] {
        let now = now ?? SystemClock().milliseconds / 1000
        var payload: JSONTree.Members = [
            "jti": .string(name()), "iss": "spiffe://acme.example", "iat": .int(Int(now)),
            "exp": .int(Int(now + lifetime)), "del_depth": 0, "del_max_depth": 8, "cnf": ["jwk": holder.publicKey.jwk],
            "authorization_details": [["type": "attenuating_agent_token", "tools": tools]],
        ]
        if let agent { payload["urn:agentid:1"] = ["agent": .string(agent)] }
        payload = payload.merging(extra)
        return token("aat+jwt", payload, by: issuer, keyID: keyID ?? issuer.publicKey.thumbprint)
    }

    /// A chain with one link more.
    static func child(
        of chain: [UInt8], by parent: SigningKey, to holder: SigningKey, agent: String? = nil,
        tools: JSONTree = ["read": [:]], _ extra: JSONTree.Members = [:]
    ) throws -> [UInt8] {
        let start = chain.lastIndex(of: UInt8(ascii: "~")).map { $0 + 1 } ?? 0
        let above = try CompactJWS(Array(chain[start...]))
        let claims = try above.payload().root
        var payload: JSONTree.Members = [
            "jti": .string(name()),
            "iss": .string("urn:ietf:params:oauth:jwk-thumbprint:sha-256:\(parent.publicKey.thumbprint)"),
            "iat": .int(try #require(claims["iat"]?.int)), "exp": .int(try #require(claims["exp"]?.int)),
            "del_depth": .int(try #require(claims["del_depth"]?.int) + 1), "del_max_depth": 8,
            "par_hash": .string(above.signingInputHash), "cnf": ["jwk": holder.publicKey.jwk],
            "authorization_details": [["type": "attenuating_agent_token", "tools": tools]],
        ]
        if let agent { payload["urn:agentid:1"] = ["agent": .string(agent)] }
        payload = payload.merging(extra)
        return chain + [UInt8(ascii: "~")] + token("aat+jwt", payload, by: parent, keyID: nil)
    }

    static func credential(
        _ issuer: SigningKey, of agent: String, to holder: SigningKey, at now: Int64? = nil, lifetime: Int64 = 600,
        _ extra: JSONTree.Members = [:]
    ) -> [UInt8] {
        let now = now ?? SystemClock().milliseconds / 1000
        var payload: JSONTree.Members = [
            "iss": "spiffe://acme.example", "sub": .string(agent), "iat": .int(Int(now)),
            "exp": .int(Int(now + lifetime)), "jti": .string(name()), "cnf": ["jwk": holder.publicKey.jwk],
        ]
        payload = payload.merging(extra)
        return token("wit+jwt", payload, by: issuer, keyID: issuer.publicKey.thumbprint)
    }

    private static func name() -> String { "j\(UInt64.random(in: 0 ... .max))" }

    private static func token(
        _ type: String, _ payload: JSONTree.Members, by key: SigningKey, keyID: String?
    ) -> [UInt8] {
        CompactJWS.make(type: type, keyID: keyID, payload: JSONTree.object(payload).canonical()) { key.sign($0) }
    }
}
