internal import AgentID
internal import JOSE
internal import Scopes
internal import StrictJSON

/// Whatever comes as an approval: it is refused, unless it is the approver's word over exactly what was asked.
///
/// An input is a token; or, after a `{`, claims that the approver signs, so that what stands after a signature is reached.
final class ApprovalTarget: FuzzTarget {
    private let authority: Authority
    private let request: ApprovalRequest
    private let key: SigningKey
    private let call: [UInt8]

    init() {
        do {
            key = try SigningKey.generate()
            let other = try SigningKey.generate()
            var options = Authority.Options()
            options.trustDomain = "acme.example"
            authority = try Authority.open(directory: nil, options: options)
            let keys = try [key, other].map { try JSON(parsing: $0.publicKey.jwk.canonical()).root["x"]?.string ?? "" }
            // Two are needed: none of the inputs changes what the next one meets.
            try authority.applyPolicy(
                Array(
                    """
                    {"version":1,"approvers":[{"name":"user:a","key":"\(keys[0])"},{"name":"user:b","key":"\(keys[1])"}],
                     "rules":[{"id":"r","match":"pay","approval":{"of":["user:a","user:b"],"need":2,"within":"300d"}}]}
                    """.utf8))
            try authority.put(Profile(name: "p", owner: "team:x@acme.example", ceiling: Scope("pay")))
            let agent = try authority.startAgent(
                profile: "p", AgentRequest(principal: "user:c@acme.example", task: "t", scope: Scope("pay")))
            let decision = try agent.check(tool: "pay", arguments: Array(#"{"usd":"5"}"#.utf8))
            request = try authority.approval(decision.approval ?? "")
            let document = try JSON(parsing: request.document.canonical()).root
            call = document["call"].map { JSONTree.value($0).canonical() } ?? []
        } catch { fatalError("no request: \(error)") }
    }

    func run(_ input: [UInt8]) {
        let token: [UInt8]
        if input.first == UInt8(ascii: "{") {
            guard
                let made = try? CompactJWS.make(
                    type: "agentid-approval+jwt", keyID: key.publicKey.thumbprint, payload: input,
                    sign: { message throws(JOSEError) in key.sign(message) })
            else { return }
            token = made
        } else {
            token = input
        }
        let text = String(decoding: token, as: UTF8.self)
        do {
            let isApproved = try authority.approve(request.id, token: text)
            property(!isApproved, "one approver is not two")
            let claims = try? CompactJWS(token).payload().root
            property(
                claims?["call"].map { JSONTree.value($0).canonical() } == call, "an approval is over what was asked")
        } catch {}
        property(
            (try? authority.approval(request.id).state) == .pending, "nothing decides but two approvers")
    }
}
