import Foundation
import JOSE
import Policy
import Scopes
import Synchronization
import Testing

@testable import AgentID

/// An approval is used once, by the call that it is for, and by none that is denied all the same.
@Suite struct ApprovalUseTests {
    @Test func anApprovalIsNotSpentOnACallThatALaterRuleDenies() throws {
        let office = try ApprovalWorld(
            ApprovalWorld.one + #",{"id":"slow","match":"read_file","rate":{"calls":1,"per":"1m"}}"#)
        let agent = try office.world.start()
        for path in ["/data/q3/a", "/data/q3/b"] { try office.approve(try office.request(agent, path)) }
        #expect(try office.ask(agent, "/data/q3/a").isPermitted)
        #expect(try office.ask(agent, "/data/q3/b").denial?.reason.rawValue == "rate_limited")
        office.world.pass(seconds: 60)
        #expect(try office.ask(agent, "/data/q3/b").isPermitted)
    }

    @Test func whatAnotherCallUsedOrSomebodyRefusedSinceIsNotUsed() throws {
        let office = try ApprovalWorld()
        let agent = try office.world.start()
        let (used, refused) = (try office.request(agent), try office.request(agent, "/data/q3/b"))
        for id in [used, refused] { try office.approve(id) }
        let records = try [used, refused].map { try office.authority.approval($0).record }
        try office.authority.refuse(refused, by: "user:coo")
        let desk = ApprovalDesk(directory: nil, registry: office.authority.registry)
        let now = office.world.clock.milliseconds
        func reason(_ records: [ApprovalRecord]) -> String? {
            do throws(Denial) {
                try desk.use(records, now: now)
                return nil
            } catch { return error.reason.rawValue }
        }
        // Of several all or none.
        #expect(reason(records) == "approval_required")
        #expect(reason([records[0]]) == nil)
        #expect(reason([records[0]]) == "approval_required")
        #expect(reason([records[1]]) == "approval_required")
    }

    @Test func anApprovalIsNotSpentOnACallThatIsTooCostlyToBeLabelled() throws {
        let labels = (0..<400).map { i in
            #",{"id":"l\#(i)","match":"read_file(path like '**\#(i)')","labels":{"adds":["seen"]}}"#
        }
        let office = try ApprovalWorld()
        try office.apply(ApprovalWorld.one + labels.joined(), version: 2, labels: #""labels":["seen"],"#)
        let (agent, path) = (try office.world.start(), "/data/q3/" + String(repeating: "a", count: 16_000))
        let id = try office.request(agent, path)
        try office.approve(id)
        #expect(try office.ask(agent, path).denial?.reason.rawValue == "too_costly")
        #expect(try office.authority.registry.read { try $0.approval(id) }?.state == .approved)
    }

    @Test func anApprovalIsNotSpentOnACallWhoseLabelFindsNoPlace() throws {
        let office = try ApprovalWorld()
        try office.apply(
            ApprovalWorld.one + #",{"id":"l","match":"read_file","labels":{"adds":["seen"],"for":"agent"}}"#,
            version: 2,
            labels: #""labels":["seen"],"#)
        let root = try office.world.start()
        let (id, key) = (try root.id(), try SigningKey.generate())
        let held = try Agent.open(
            key: key, chain: root.delegate(to: key.publicKey, .sameScope(agent: "\(id)/held")),
            clock: office.world.clock)
        let own = try office.authority.guarding(.forTests(office.world))
        let arguments = Array(#"{"path":"/data/q3/a"}"#.utf8)
        func ask() throws -> Decision {
            let shown = try held.present(tool: "read_file", arguments: arguments)
            return own.check(
                chain: Array(shown.chain.utf8), proof: Array(shown.proof.utf8), tool: "read_file", arguments: arguments)
        }
        let request = try #require(try ask().approval)
        let subjects = PolicySubjects(
            issuer: "", agents: [id, "\(id)/held"], key: "k", isNamed: true, task: id, principal: "p", profile: "")
        let page = try #require(office.authority.home.meters).page(office.world.clock.milliseconds)
        let (time, later) = (
            try page.look(office.world.clock.milliseconds), office.world.clock.milliseconds + 120_000
        )
        for number in 0..<4000 {
            let share = MeterShare(subjects, .agent, "\(id)/held/\(number)", office.authority.registry)
            let key = page.key(["filling", "\(number)"], in: share.range)
            _ = try? page.slot(of: key, .labels, until: later, at: time, from: share)
        }
        try office.approve(request)
        #expect(try ask().denial?.reason.rawValue == "meters_share")
        #expect(try office.authority.registry.read { try $0.approval(request) }?.state == .approved)
        office.world.pass(seconds: 200)
        #expect(try ask().isPermitted)
        #expect(try ask().denial?.reason.rawValue == "approval_required")
    }

    /// A registry in which somebody else writes before the first transaction begins.
    private final class Overtaken: Registry {
        let registry: any Registry
        let first: @Sendable (any RegistryWriter) throws -> Void
        let isLeft = Atomic(true)
        init(_ registry: any Registry, by first: @escaping @Sendable (any RegistryWriter) throws -> Void) {
            (self.registry, self.first) = (registry, first)
        }

        func read<Result>(_ body: (any RegistryReader) throws -> Result) throws(AgentIDError) -> Result {
            try registry.read(body)
        }
        func write<Result>(
            within milliseconds: Int, _ body: (any RegistryWriter) throws -> Result
        ) throws(AgentIDError) -> Result {
            if isLeft.exchange(false, ordering: .relaxed) { try registry.write(within: milliseconds, first) }
            return try registry.write(within: milliseconds, body)
        }
        func announceElsewhere() {}
        var changes: UInt64 { registry.changes }
    }

    @Test func anApprovalThatSomebodyElsePutThereMeanwhileIsVerifiedToo() throws {
        let office = try ApprovalWorld()
        let agent = try office.world.start()
        let id = try office.request(agent)
        var smuggled = try office.authority.approval(id).record
        smuggled.state = .approved
        try office.authority.registry.write { _ = try $0.removeApproval(id) }
        let overtaken = Overtaken(office.authority.registry) { [smuggled] in try $0.put(smuggled) }
        let guardian = try Guard(
            .forTests(office.world), view: RegistryView(of: overtaken, in: nil), trail: nil)
        let arguments = Array(#"{"path":"/data/q3/a"}"#.utf8)
        let proof = try agent.prove(tool: "read_file", arguments: arguments)
        let decision = guardian.check(
            chain: Array(try agent.chain().utf8), proof: Array(proof.utf8), tool: "read_file", arguments: arguments)
        #expect(decision.denial?.reason.rawValue == "approval_required")
        #expect(decision.approval != nil && decision.approval != id)
        let isLeft = overtaken.isLeft.load(ordering: .relaxed)
        #expect(!isLeft)
    }

    @Test func ofManyThatUseOneApprovalOneDoes() throws {
        let directory = try TemporaryDirectory()
        let office = try ApprovalWorld(at: directory.path)
        let agent = try office.world.start()
        let other = try Guard.open(directory: directory.path, .forTests(office.world))
        try office.approve(try office.request(agent))
        let permitted = Atomic(0)
        DispatchQueue.concurrentPerform(iterations: 8) { i in
            let arguments = Array(#"{"path":"/data/q3/a"}"#.utf8)
            let decision =
                i % 2 == 0
                ? try? agent.check(tool: "read_file", arguments: arguments)
                : try? other.check(agent, tool: "read_file", arguments: arguments)
            if decision?.isPermitted == true { permitted.add(1, ordering: .relaxed) }
        }
        let count = permitted.load(ordering: .relaxed)
        #expect(count == 1)
    }
}
