import JOSE
import Scopes
import StrictJSON
import TestSupport
import Testing

@testable import AgentID

/// A directory whose policy has labels, an isolated agent's results, and people who may take labels away.
struct LabelWorld {
    let directory: TemporaryDirectory
    let world: World
    let (cfo, coo): (SigningKey, SigningKey)
    static let scope = "read_mail; read_hr; note; send; review; deploy"
    static let rules = """
        {"id":"mail","match":"read_mail","labels":{"adds":["untrusted"]}},
        {"id":"hr","match":"read_hr","labels":{"adds":["private"]}},
        {"id":"note","match":"note","labels":{"adds":["noted"],"for":"agent"}},
        {"id":"rev","match":"review","labels":{"adds":["reviewed"]}},
        {"id":"gate","match":"deploy","labels":{"requires":["reviewed"]}},
        {"id":"out","match":"send","labels":{"refuses":["untrusted"]}},
        {"id":"clear","declassifies":["untrusted","private"],"approval":{"of":["user:cfo","user:coo"],"need":2}}
        """
    static let results = """
        "results":[{"name":"amount","type":"number"},{"name":"due","type":"date","labels":["private"]},
        {"name":"verdict","type":["pay","refuse"]}],
        """

    init(rules: String = LabelWorld.rules) throws {
        directory = try TemporaryDirectory()
        world = try World(at: directory.path, movesMeters: true)
        (cfo, coo) = (try SigningKey.generate(), try SigningKey.generate())
        try world.authority.put(
            Profile(
                name: "clerk", owner: "team:x@acme.example", ceiling: Scope(Self.scope), maxLifetime: 3600, maxDepth: 8)
        )
        try apply(rules)
    }

    func apply(_ rules: String, version: Int = 1) throws {
        let keys = [("user:cfo", cfo), ("user:coo", coo)].map {
            #"{"name":"\#($0)","key":"\#(Base64URL.encode($1.publicKey.bytes))"}"#
        }
        try world.authority.applyPolicy(
            Array(
                #"""
                {"version":\#(version),"labels":["untrusted","private","noted","reviewed"],\#(Self.results)
                "approvers":[\#(keys.joined(separator: ","))],"rules":[\#(rules)]}
                """#.utf8))
    }

    var authority: Authority { world.authority }

    func start(isolated: Bool = false, labels: [String] = []) throws -> Agent {
        try authority.startAgent(
            profile: "clerk",
            AgentRequest(
                principal: "user:alice@acme.example", task: "t", scope: Scope(Self.scope), labels: labels,
                isolated: isolated))
    }

    func reason(_ agent: Agent, _ tool: String) throws -> String? {
        try agent.check(tool: tool, arguments: [0x7B, 0x7D]).denial?.reason.rawValue
    }

    func approve(_ id: String, by people: [String] = ["user:cfo", "user:coo"]) throws {
        for name in people { try authority.approve(id, by: name, with: name == "user:cfo" ? cfo : coo) }
    }

    /// Has people take labels away.
    func declassify(_ agent: Agent, _ labels: [String]) throws {
        let request = try authority.askToDeclassify(agent: agent.id(), labels: labels)
        try approve(request)
        try authority.declassify(request)
    }

    func fault(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch { return (error as? AgentIDError)?.name ?? "\(error)" }
    }
}
