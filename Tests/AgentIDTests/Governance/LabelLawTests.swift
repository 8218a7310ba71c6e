import JOSE
import Scopes
import StrictJSON
import TestSupport
import Testing

@testable import AgentID

/// The laws of labels on random trees of agents: they only grow, flow down, flow up but out of isolation, and are taken
/// away by people alone; in every process, and in what is shown to a guard that has no directory.
@Suite struct LabelLawTests {
    private static let names = ["a", "b", "c", "d"]

    /// One agent of the tree, and what is known of its labels without asking the library.
    private final class Node {
        let agent: Agent
        let parent: Node?
        /// The agent whose labels it shares, where that is another: the root, or the isolated one that it is below.
        private unowned var shared: Node?
        var head: Node { shared ?? self }
        /// Of a head: learnt by all that share them.
        var learnt: Set<String> = []
        /// Learnt by it alone, and said by its grant.
        var own: Set<String> = []
        var granted: Set<String> = []
        /// Shown once to the guard elsewhere.
        var shown: Set<String> = []

        init(_ agent: Agent, below parent: Node?, isHead: Bool) {
            (self.agent, self.parent) = (agent, parent)
            shared = isHead ? nil : parent?.head
        }

        var all: Set<String> { learntAbove.union(own).union(granted) }
        private var learntAbove: Set<String> { head.learnt.union(head.parent?.learntAbove ?? []) }
        func isBelow(_ other: Node) -> Bool { parent.map { $0 === other || $0.isBelow(other) } ?? false }
        /// The labels that its parent's grant and the heads above have: nobody takes those away here.
        var above: Set<String> {
            (parent?.granted ?? []).union(head === self ? parent?.learntAbove ?? [] : learntAbove)
        }
    }

    private static func policy(version: Int = 1, approvers: [(String, SigningKey)] = []) -> [UInt8] {
        let keys = approvers.map { #"{"name":"\#($0)","key":"\#(Base64URL.encode($1.publicKey.bytes))"}"# }
        let rules = names.map {
            #"""
            {"id":"read-\#($0)","match":"read_\#($0)","labels":{"adds":["\#($0)"]}},
            {"id":"own-\#($0)","match":"own_\#($0)","labels":{"adds":["\#($0)"],"for":"agent"}},
            {"id":"send-\#($0)","match":"send_\#($0)","labels":{"refuses":["\#($0)"]}}
            """#
        }
        let clear =
            #"{"id":"clear","declassifies":["a","b","c","d"],"approval":{"of":["user:cfo","user:coo"],"need":2}}"#
        let all = approvers.isEmpty ? rules : rules + [clear]
        let people = approvers.isEmpty ? "" : #""approvers":[\#(keys.joined(separator: ","))],"#
        return Array(
            #"{"version":\#(version),"labels":["a","b","c","d"],\#(people)"rules":[\#(all.joined(separator: ","))]}"#
                .utf8)
    }

    @Test func labelsOfRandomTreesOfAgentsObeyTheirLaws() throws {
        var random = Seeded.announced("label laws")
        for _ in 0..<3 { try tree(&random, steps: 50) }
    }

    private func tree(_ random: inout Seeded, steps: Int) throws {
        let directory = try TemporaryDirectory()
        let home = try World(at: directory.path, movesMeters: true)
        let people = [("user:cfo", try SigningKey.generate()), ("user:coo", try SigningKey.generate())]
        let scope = Self.names.map { "read_\($0); own_\($0); send_\($0)" }.joined(separator: "; ")
        try home.authority.put(
            Profile(
                name: "clerk", owner: "team:x@acme.example", ceiling: Scope(scope), maxLifetime: 3600, maxDepth: 12))
        try home.authority.applyPolicy(Self.policy(approvers: people))
        // Another process of the directory, and another house with a policy of its own.
        let other = try Guard.open(directory: directory.path, .forTests(home))
        let partner = try World { $0.trustDomain = "globex.example" }
        try partner.authority.applyPolicy(Self.policy())
        let elsewhere = try partner.authority.guarding(.forTests(home))
        try elsewhere.addBundle(Array(home.authority.bundle().utf8), for: "acme.example")

        func granted(_ agent: Agent) throws -> Set<String> { Set(try agent.current().held.grant.claim?.labels ?? []) }
        let root = try home.authority.startAgent(
            profile: "clerk", AgentRequest(principal: "user:alice@acme.example", task: "t", scope: Scope(scope)))
        var nodes = [Node(root, below: nil, isHead: true)]
        for step in 0..<steps {
            let node = nodes[Int.random(in: nodes.indices, using: &random)]
            let label = Self.names[Int.random(in: Self.names.indices, using: &random)]
            let before = nodes.map(\.all)
            var takenFrom: Node?
            switch UInt8.random(in: 0..<16, using: &random) {
            case 0...3:
                let depth = try node.agent.current().held.grant.depth
                guard depth < 10 else { continue }
                let isolated = Bool.random(using: &random)
                let child = try node.agent.spawn("x", .sameScope(isolated: isolated))
                let made = Node(child, below: node, isHead: isolated)
                made.granted = try granted(child)
                // Down: exactly what its parent has.
                #expect(made.granted == node.all, "step \(step)")
                nodes.append(made)
            case 4...6:
                try node.agent.authorize(tool: "read_\(label)", arguments: [:])
                node.head.learnt.insert(label)
            case 7:
                try node.agent.authorize(tool: "own_\(label)", arguments: [:])
                node.own.insert(label)
            case 8:
                try node.agent.addLabels([label])
                node.head.learnt.insert(label)
            case 9...10:
                let child = nodes[Int.random(in: nodes.indices, using: &random)]
                guard child.isBelow(node) else {
                    #expect(throws: AgentIDError.self) { try node.agent.joinLabels(from: child.agent) }
                    continue
                }
                // Up, on purpose: all that the child has.
                #expect(try Set(node.agent.joinLabels(from: child.agent)) == child.all, "step \(step)")
                node.head.learnt.formUnion(child.all)
            case 11:
                home.pass(seconds: 160)
                try home.authority.lifecycle.renew()
                for one in nodes {
                    let now = try granted(one.agent)
                    // A new grant says what was known, and what the one above says.
                    #expect(
                        now.isSuperset(of: one.granted) && one.all.union(one.parent?.granted ?? []).isSuperset(of: now))
                    one.granted = now
                }
            case 12...13:
                let labels = Self.names.filter { _ in Bool.random(using: &random) }
                guard !labels.isEmpty else { continue }
                let request = try home.authority.askToDeclassify(agent: node.agent.id(), labels: labels)
                for count in 0...2 {
                    if count > 0 {
                        try home.authority.approve(request, by: people[count - 1].0, with: people[count - 1].1)
                    }
                    guard count < 2 else { break }
                    // Not by one of two.
                    #expect(throws: AgentIDError.self) { try home.authority.declassify(request) }
                    #expect(try Set(node.agent.labels()) == node.all)
                }
                guard node.above.isDisjoint(with: labels) else {
                    #expect(throws: AgentIDError.self) { try home.authority.declassify(request) }
                    _ = try home.authority.registry.write { try $0.removeApproval(request) }
                    break
                }
                try home.authority.declassify(request)
                node.own.subtract(labels)
                if node.head === node { node.learnt.subtract(labels) }
                node.granted = try granted(node.agent)
                #expect(node.granted.isDisjoint(with: labels), "step \(step)")
                #expect(throws: AgentIDError.self) { try home.authority.declassify(request) }
                takenFrom = node
            default: break
            }
            // They only grow, but where people took some away.
            for (one, was) in zip(nodes, before) where takenFrom == nil { #expect(one.all.isSuperset(of: was)) }
            for one in [node, nodes[Int.random(in: nodes.indices, using: &random)]] {
                try check(one, label, other, elsewhere, "step \(step)")
            }
        }
    }

    private func check(_ node: Node, _ label: String, _ other: Guard, _ elsewhere: Guard, _ when: String) throws {
        #expect(try Set(node.agent.labels()) == node.all, "\(when)")
        let (tool, none) = ("send_\(label)", Array("{}".utf8))
        let expected = node.all.contains(label) ? "flow_refused" : nil
        #expect(try node.agent.check(tool: tool, arguments: none).denial?.reason.rawValue == expected, "\(when)")
        func ask(_ guardian: Guard) throws -> String? {
            let shown = try node.agent.present(tool: tool, arguments: none)
            return guardian.check(
                chain: Array(shown.chain.utf8), proof: Array(shown.proof.utf8), tool: tool, arguments: none
            ).denial?.reason.rawValue
        }
        #expect(try ask(other) == expected, "\(when), in another process")
        // A guard elsewhere sees what is shown, and forgets nothing that a proof showed: nobody took it away there.
        let carried = node.granted
        let refused = node.all.union(node.shown).contains(label)
        #expect(try ask(elsewhere) == (refused ? "flow_refused" : nil), "\(when), elsewhere")
        node.shown.formUnion(node.all.subtracting(carried))
    }
}
