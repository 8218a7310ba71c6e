internal import AgentID
internal import Glibc
internal import JOSE
internal import Scopes
internal import StrictJSON

/// What an outsider can make this library do, each with an input that is under every documented limit.
package enum Operation: String, CaseIterable, Sendable {
    case json, canonical, scope, text, subsumes, meet, permits, chain, call, forged, credentials, inspect, bundle
}

/// Makes an operation's input out of bytes; what is returned is the operation alone, to be measured.
package struct World: Sendable {
    private let issuer: SigningKey
    private let holders: [SigningKey]
    private static let now = 1_790_000_000

    /// Where a domain's decisions are written down; `nil` where there is no room for it.
    let directory: String?

    package init() throws {
        issuer = try SigningKey.generate()
        holders = try (0..<17).map { _ in try SigningKey.generate() }
        directory = scratchDirectory().map { $0 + "/home" }
        guard let directory else { return }
        var options = Authority.Options()
        options.trustDomain = "home.example"
        options.clock = CallbackClock { Int64(Self.now) * 1000 }
        _ = try Authority.open(directory: directory, options: options)
    }

    /// A guard that knows no chain yet.
    func guardian(isRecording: Bool = false) -> Guard? {
        var options = Guard.Options()
        options.audience = "g"
        options.clock = CallbackClock { Int64(Self.now) * 1000 }
        if isRecording {
            guard let directory, let guardian = try? Guard.open(directory: directory, options) else { return nil }
            try? guardian.addBundle(Array(bundle(extra: "").utf8), for: "acme.example")
            return guardian
        }
        guard let guardian = try? Guard(options) else { return nil }
        try? guardian.addBundle(Array(bundle(extra: "").utf8), for: "acme.example")
        return guardian
    }

    private func bundle(extra: String) -> String {
        let key = issuer.publicKey
        let own =
            #"{"alg":"EdDSA","crv":"Ed25519","kid":"\#(key.thumbprint)","kty":"OKP","use":"wit-svid","x":"\#(Base64URL.encode(key.bytes))"}"#
        return #"{"keys":[\#(own)\#(extra)],"spiffe_refresh_hint":60,"spiffe_sequence":1}"#
    }

    private func token(_ type: String, _ payload: String, by key: SigningKey, keyID: String? = nil) -> [UInt8] {
        CompactJWS.make(type: type, keyID: keyID, payload: Array(payload.utf8)) { key.sign($0) }
    }

    /// A chain whose links narrow `tools` one after the other.
    func chain(_ tools: [String]) -> [UInt8] {
        var chain: [UInt8] = []
        var parent: [UInt8] = []
        for (i, tools) in tools.enumerated() {
            let key = holders[i].publicKey
            let signer = i == 0 ? issuer : holders[i - 1]
            let issuer = i == 0 ? "spiffe://acme.example" : Self.thumbprintURI + signer.publicKey.thumbprint
            let above = (try? CompactJWS(parent)).map { #""par_hash":"\#($0.signingInputHash)","# } ?? ""
            let payload =
                #"{"authorization_details":[{"tools":\#(tools),"type":"attenuating_agent_token"}],"cnf":{"jwk":{"crv":"Ed25519","kty":"OKP","x":"\#(Base64URL.encode(key.bytes))"}},"del_depth":\#(i),"del_max_depth":16,"exp":\#(Self.now + 600),"iat":\#(Self.now),"iss":"\#(issuer)","jti":"g\#(i)",\#(above)"x":0}"#
            parent = token("aat+jwt", payload, by: signer, keyID: i == 0 ? signer.publicKey.thumbprint : nil)
            chain += (i == 0 ? [] : [UInt8(ascii: "~")]) + parent
        }
        return chain
    }

    private static let thumbprintURI = "urn:ietf:params:oauth:jwk-thumbprint:sha-256:"

    private func proof(_ arguments: String, by key: SigningKey, link: Int, under chain: [UInt8]) -> [UInt8] {
        let start = chain.lastIndex(of: UInt8(ascii: "~")).map { $0 + 1 } ?? 0
        let hash = (try? CompactJWS(Array(chain[start...])))?.signingInputHash ?? ""
        return token(
            "aat-pop+jwt",
            #"{"aat_aud":"g","aat_hash":"\#(hash)","aat_id":"g\#(link)","aat_tool":"t","hta":\#(arguments),"iat":\#(Self.now),"jti":"p"}"#,
            by: key)
    }

    /// Scopes of a chain: an open root, then what a holder makes of it, link by link.
    private func links(_ maker: inout Maker) -> [String] {
        let count = 1 + maker.byte() % 16
        // 256 KiB of chain carry 192 KiB of JSON, a token at most 48.
        let room = min(180_000 / count, 47_000)
        var links = [#"{"t":{}}"#]
        let first = maker
        for _ in 0..<count {
            // Each the same, or each another.
            if maker.byte() % 2 == 0 { maker = first }
            links.append(maker.tools(room))
        }
        return links
    }

    /// A call under a chain whose leaf has these tools; with a proof of the arguments, or one that somebody else signed.
    func calling(_ tools: String, _ arguments: String, isForged: Bool = false, isRecording: Bool = false)
        -> (() -> Void)?
    {
        guard let guardian = guardian(isRecording: isRecording) else { return nil }
        let chain = chain([#"{"t":{}}"#, tools])
        // What no proof can carry is denied when all else has been done.
        let proven = arguments.utf8.count < 90_000 ? arguments : "{}"
        let proof = proof(proven, by: holders[isForged ? 0 : 1], link: 1, under: chain)
        let given = Array(arguments.utf8)
        _ = guardian.check(chain: chain, proof: [], tool: "t", arguments: [])
        return { _ = guardian.check(chain: chain, proof: proof, tool: "t", arguments: given) }
    }

    private func call(_ maker: inout Maker, _ room: Int) -> String { #"{"x":\#(maker.value(room - 6))}"# }

    /// The operation on the input that `bytes` stand for; `nil` where that is none.
    package func prepare(_ operation: Operation, _ bytes: [UInt8]) -> (() -> Void)? {
        var maker = Maker(bytes)
        switch operation {
        case .json:
            let text = Array(maker.value(1 << 20).utf8)
            return { _ = try? JSON(parsing: text) }
        case .canonical:
            guard let json = try? JSON(parsing: Array(maker.value(1 << 20).utf8)) else { return nil }
            return { _ = json.root.canonical() }
        case .scope:
            guard let json = try? JSON(parsing: Array(maker.tools(1 << 20).utf8)) else { return nil }
            return { _ = try? Scope(parsing: json.root) }
        case .text:
            guard let json = try? JSON(parsing: Array(maker.tools(100_000).utf8)),
                let text = (try? Scope(parsing: json.root))?.text
            else { return nil }
            return { _ = try? Scope(text: text) }
        case .subsumes, .meet:
            let (a, b) = (maker.tools(47_000), maker.tools(47_000))
            guard let a = try? Scope(a), let b = try? Scope(b) else { return nil }
            return operation == .subsumes ? { _ = a.expansion(by: b) } : { _ = try? a.meet(b) }
        case .permits:
            guard let scope = try? Scope(maker.tools(47_000)),
                let call = try? JSON(parsing: Array(call(&maker, 1 << 20).utf8))
            else { return nil }
            return { _ = scope.refusal(of: "t", arguments: call.root) }
        case .chain:
            let chain = chain(links(&maker))
            guard let guardian = guardian() else { return nil }
            return { _ = try? guardian.admit(chain: chain) }
        case .call, .forged:
            let chain = chain([#"{"t":{}}"#, maker.byte() % 4 == 0 ? #"{"t":{}}"# : maker.tools(47_000)])
            // With a proof the arguments are what a proof can carry, and what stands for the same in more bytes.
            let isForged = operation == .forged
            let arguments = call(&maker, isForged ? 1 << 20 : 90_000)
            let proof = proof(arguments, by: holders[isForged ? 0 : 1], link: 1, under: chain)
            let padding = String(repeating: " ", count: isForged ? 0 : 900_000)
            let given = Array((arguments + padding).utf8)
            guard let guardian = guardian() else { return nil }
            _ = guardian.check(chain: chain, proof: [], tool: "t", arguments: [])
            return { _ = guardian.check(chain: chain, proof: proof, tool: "t", arguments: given) }
        case .credentials:
            guard let guardian = guardian() else { return nil }
            let extra = maker.value(2000)
            let credential = token(
                "wit+jwt",
                #"{"cnf":{"jwk":{"alg":"EdDSA","crv":"Ed25519","kty":"OKP","x":"\#(Base64URL.encode(holders[0].publicKey.bytes))"}},"exp":\#(Self.now + 60),"iat":\#(Self.now),"iss":"spiffe://acme.example","jti":"c","sub":"spiffe://acme.example/agent/p/1","x":\#(extra)}"#,
                by: issuer, keyID: issuer.publicKey.thumbprint)
            let credentials = Array([[UInt8]](repeating: credential, count: 64).joined(separator: [UInt8(ascii: "~")]))
            let chain = chain([#"{"t":{}}"#])
            return { _ = try? guardian.admit(chain: chain, credentials: credentials) }
        case .inspect:
            let chain = chain(links(&maker))
            return { _ = (try? ChainDecoder.decode(chain))?.canonical() }
        case .bundle:
            let extra = maker.value(200_000)
            let text = Array(bundle(extra: "," + extra).utf8)
            guard let guardian = guardian() else { return nil }
            return { _ = try? guardian.addBundle(text, for: "acme.example") }
        }
    }
}
