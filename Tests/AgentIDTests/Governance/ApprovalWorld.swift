import JOSE
import Scopes
import StrictJSON
import Testing

@testable import AgentID

/// An authority whose policy asks before a file is read.
struct ApprovalWorld {
    let world: World
    let (cfo, coo): (SigningKey, SigningKey)
    static let read = "read_file"

    var authority: Authority { world.authority }

    init(at path: String? = nil, _ approval: String = Self.one) throws {
        world = try World(at: path)
        (cfo, coo) = (try SigningKey.generate(), try SigningKey.generate())
        try apply(approval)
    }

    static let one = #"{"id":"big","match":"read_file","approval":{"of":["user:cfo","user:coo"],"within":"15m"}}"#
    static let two =
        #"{"id":"big","match":"read_file","approval":{"of":["user:cfo","user:coo"],"need":2,"within":"15m"}}"#

    func apply(_ rules: String, version: Int = 1, labels: String = "", cfo other: PublicKey? = nil) throws {
        func key(_ key: PublicKey) -> String { Base64URL.encode(key.bytes) }
        let approvers =
            #"[{"name":"user:cfo","key":"\#(key(other ?? cfo.publicKey))"},{"name":"user:coo","key":"\#(key(coo.publicKey))"}]"#
        try authority.applyPolicy(
            Array(#"{"version":\#(version),\#(labels)"approvers":\#(approvers),"rules":[\#(rules)]}"#.utf8))
    }

    func ask(_ agent: Agent, _ path: String = "/data/q3/a") throws -> Decision {
        try agent.check(tool: Self.read, arguments: Array(#"{"path":"\#(path)"}"#.utf8))
    }

    /// Asks and returns the request's ID.
    func request(_ agent: Agent, _ path: String = "/data/q3/a") throws -> String {
        let decision = try ask(agent, path)
        #expect(decision.denial?.reason.rawValue == "approval_required" && decision.rule == "big")
        return try #require(decision.approval)
    }

    @discardableResult func approve(_ id: String) throws -> Bool {
        try authority.approve(id, by: "user:cfo", with: cfo)
    }

    /// Writes an approval into the registry that nobody checked.
    func smuggle(_ id: String, by name: String, with key: SigningKey, call: JSONTree? = nil) throws {
        let request = try authority.approval(id)
        var record = request.record
        record.tokens.append(
            try ApprovalToken.make(
                over: call ?? request.call, by: name, with: key, at: world.clock.milliseconds, until: request.expires))
        record.state = .approved
        try authority.registry.write { try $0.put(record) }
    }

    /// The name of the error that something throws.
    func fault(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch { return (error as? AgentIDError)?.name }
    }
}
