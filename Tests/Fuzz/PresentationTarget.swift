internal import AgentID
internal import Scopes
internal import StrictJSON

/// A presentation and a nonce that are anything: answered, never believed, and what is read is written as it was.
final class PresentationTarget: FuzzTarget {
    private let guardian: Guard
    private let agent: Agent
    private let arguments = Array(#"{"path":"/data/a"}"#.utf8)

    init() {
        do {
            var options = Authority.Options()
            options.trustDomain = "acme.example"
            options.clock = CallbackClock { 1_790_000_000_000 }
            let authority = try Authority.open(directory: nil, options: options)
            try authority.put(Profile(name: "p", owner: "team:x", ceiling: Scope("read_file(path under '/data')")))
            agent = try authority.startAgent(
                profile: "p",
                AgentRequest(principal: "user:a", task: "t", scope: Scope("read_file(path under '/data')")))
            var guardOptions = Guard.Options()
            (guardOptions.audience, guardOptions.requiresNonce) = ("here", true)
            guardOptions.clock = options.clock
            guardian = try Guard(guardOptions)
            try guardian.addBundle(Array(authority.bundle().utf8), for: "acme.example")
        } catch { fatalError("\(error)") }
    }

    func run(_ input: [UInt8]) {
        property(
            !guardian.check(presentation: input, tool: "read_file", arguments: arguments).isPermitted,
            "noise is denied")
        if let read = try? Presentation(parsing: input) {
            guard let again = try? Presentation(parsing: Array(read.json.utf8)) else {
                return property(false, "what was read is written so that it is read")
            }
            property(again.chain.utf8.elementsEqual(read.chain.utf8), "the chain is the same")
            property(again.proof.utf8.elementsEqual(read.proof.utf8), "the proof is the same")
        }
        let nonce = String(decoding: input, as: UTF8.self)
        guard !nonce.isEmpty,
            let made = try? agent.present(tool: "read_file", arguments: arguments, audience: "here", nonce: nonce)
        else { return }
        let decision = guardian.check(
            presentation: Array(made.json.utf8), tool: "read_file", arguments: arguments)
        property(!decision.isPermitted, "a nonce that this guard did not issue is refused")
    }
}
