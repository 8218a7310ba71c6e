import AgentID
import JOSE
import StrictJSON
import Testing

/// A root and a proof under it, made by hand, for a guard named `files` that trusts the root's issuer.
struct Presenting {
    static let now: Int64 = 1_790_000_000
    let (issuer, holder): (SigningKey, SigningKey)
    let guardian: Guard
    let arguments = Array(#"{"path":"/a"}"#.utf8)

    init(_ change: (inout Guard.Options) -> Void = { _ in }) throws {
        (issuer, holder) = (try SigningKey.generate(), try SigningKey.generate())
        var options = Guard.Options()
        options.audience = "files"
        options.clock = CallbackClock { Self.now * 1000 }
        change(&options)
        guardian = try Guard(options)
        try guardian.trust([issuer.publicKey], issuer: "https://auth.example")
    }

    static func token(
        _ type: String?, _ payload: JSONTree, by key: SigningKey, algorithm: String = "Ed25519"
    ) -> [UInt8] {
        var header: JSONTree.Members = ["alg": .string(algorithm)]
        header["typ"] = type.map { .string($0) }
        var token = Array(Base64URL.encode(JSONTree.object(header).canonical()).utf8)
        token += Array(("." + Base64URL.encode(payload.canonical())).utf8)
        return token + Array(("." + Base64URL.encode(key.sign(token.span))).utf8)
    }

    func root(
        type: String? = "aat+jwt", algorithm: String = "Ed25519", _ change: (inout JSONTree.Members) -> Void = { _ in }
    ) -> [UInt8] {
        let now = Int(Self.now)
        var payload: JSONTree.Members = [
            "jti": "g", "iss": "https://auth.example", "iat": .int(now), "exp": .int(now + 300), "del_depth": 0,
            "del_max_depth": 4, "cnf": ["jwk": holder.publicKey.jwk],
            "authorization_details": [["type": "attenuating_agent_token", "tools": ["read": [:]]]],
        ]
        change(&payload)
        return Self.token(type, .object(payload), by: issuer, algorithm: algorithm)
    }

    func child(of parent: [UInt8], _ change: (inout JSONTree.Members) -> Void = { _ in }) throws -> [UInt8] {
        let now = Int(Self.now)
        var payload: JSONTree.Members = [
            "jti": "c", "iat": .int(now), "exp": .int(now + 300), "del_depth": 1, "del_max_depth": 4,
            "iss": .string("urn:ietf:params:oauth:jwk-thumbprint:sha-256:" + holder.publicKey.thumbprint),
            "par_hash": .string(try CompactJWS(parent).signingInputHash), "cnf": ["jwk": holder.publicKey.jwk],
            "authorization_details": [["type": "attenuating_agent_token", "tools": ["read": [:]]]],
        ]
        change(&payload)
        return Self.token("aat+jwt", .object(payload), by: holder)
    }

    func proof(
        under leaf: [UInt8], type: String? = "aat-pop+jwt", algorithm: String = "Ed25519",
        _ change: (inout JSONTree.Members) -> Void = { _ in }
    ) throws -> [UInt8] {
        let jws = try? CompactJWS(leaf)
        var payload: JSONTree.Members = [
            "jti": .string("p\(UInt64.random(in: 0 ... .max))"), "iat": .int(Int(Self.now)),
            "aat_id": .string((try? jws?.payload().root["jti"]?.string) ?? "g"),
            "aat_hash": .string(jws?.signingInputHash ?? "x"), "aat_tool": "read", "aat_aud": "files",
            "hta": ["path": "/a"],
        ]
        change(&payload)
        return Self.token(type, .object(payload), by: holder, algorithm: algorithm)
    }

    func decide(_ chain: [[UInt8]], _ proof: [UInt8]) -> Denial? {
        guardian.check(
            chain: Array(chain.joined(separator: [UInt8(ascii: "~")])), proof: proof, tool: "read", arguments: arguments
        ).denial
    }

    func reason(_ chain: [[UInt8]], _ proof: [UInt8]) -> String? { decide(chain, proof)?.reason.rawValue }
}
