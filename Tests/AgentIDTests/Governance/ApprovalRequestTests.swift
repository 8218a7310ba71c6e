import Foundation
import JOSE
import Scopes
import StrictJSON
import Synchronization
import Testing

@testable import AgentID

/// Requests for approval are kept, bounded, shown, waited for, and go with their agent.
@Suite struct ApprovalRequestTests {
    private static let secret = "/data/q3/very-secret-name"

    @Test func anApproverIsShownAllOfTheCallAndTheLogNoValue() throws {
        let directory = try TemporaryDirectory()
        let office = try ApprovalWorld(at: directory.path)
        try office.apply(
            ApprovalWorld.one + #",{"id":"web","match":"search","labels":{"adds":["seen"]}}"#, version: 2,
            labels: #""labels":["seen"],"#)
        let agent = try office.world.start("read_file(path under '/data/q3'); search(query: *)")
        #expect(try agent.check(tool: "search", arguments: Array(#"{"query":"x"}"#.utf8)).isPermitted)
        let child = try agent.spawn("child", .sameScope())
        let id = try office.request(child, Self.secret)
        let shown = try JSON(parsing: try office.authority.approval(id).document.canonical()).root
        #expect(shown["arguments"]?["path"]?.string == Self.secret)
        #expect(shown["call"]?["tool"]?.string == "read_file" && shown["call"]?["rule"]?.string == "big")
        #expect(shown["call"]?["chain"]?.elements.compactMap(\.string) == [try agent.id(), try child.id()])
        #expect(shown["principal"]?.string == "user:alice@acme.example")
        #expect(shown["labels"]?.elements.compactMap(\.string) == ["seen"])
        #expect(shown["of"]?.elements.compactMap(\.string) == ["user:cfo", "user:coo"])
        try office.approve(id)
        #expect(try office.authority.approval(id).arguments == nil)
        #expect(try office.ask(child, Self.secret).isPermitted)
        try office.authority.integrate()
        let lines = try AuditReader(authority: directory.path).entries(from: 0)
        let steps = try lines.compactMap { try JSON(parsing: $0).root["approval"] }
        #expect(steps.compactMap { $0["state"]?.string } == ["asked", "approved", "used"])
        #expect(steps.allSatisfy { $0["id"]?.string == id && $0["rule"]?.string == "big" && $0["policy"]?.int == 2 })
        #expect(steps[1]["by"]?.string == "user:cfo")
        for line in lines { #expect(!String(decoding: line, as: UTF8.self).contains("very-secret")) }
    }

    @Test func valuesAreGoneFromTheRegistryOnceItIsDecided() throws {
        for isApproved in [true, false] {
            let directory = try TemporaryDirectory()
            do {
                let office = try ApprovalWorld(at: directory.path)
                let agent = try office.world.start()
                let id = try office.request(agent, Self.secret)
                if isApproved { try office.approve(id) } else { try office.authority.refuse(id, by: "user:coo") }
                office.authority.close()
            }
            let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
            for name in names where name != "audit" && name != "registry.db-wal" {
                let data = FileManager.default.contents(atPath: "\(directory.path)/\(name)") ?? Data()
                #expect(data.range(of: Data(Self.secret.utf8)) == nil, "\(name)")
            }
        }
    }

    @Test func whatLapsedIsRemovedThoughNobodyLooks() throws {
        for isReaped in [true, false] {
            let office = try ApprovalWorld()
            let agent = try office.world.start()
            let id = try office.request(agent)
            office.world.pass(seconds: 15 * 60)
            if isReaped { _ = try office.authority.reap() } else { try office.authority.lifecycle.renewLeases() }
            #expect(try office.authority.registry.read { try $0.approval(id) } == nil)
        }
    }

    @Test func aRequestSurvivesARestartAndSoDoesItsApproval() throws {
        let directory = try TemporaryDirectory()
        let office = try ApprovalWorld(at: directory.path)
        let agent = try office.world.start()
        let id = try office.request(agent)
        func reopened() throws -> Authority {
            var options = Authority.Options()
            options.clock = office.world.clock
            options.steadyClock = office.world.steadyClock
            return try Authority.open(directory: directory.path, options: options)
        }
        let second = try reopened()
        #expect(try second.approvals().map(\.id) == [id])
        #expect(try second.approve(id, by: "user:cfo", with: office.cfo))
        second.close()
        let third = try Guard.open(directory: directory.path, .forTests(office.world))
        #expect(try third.check(agent, tool: "read_file", arguments: Array(#"{"path":"/data/q3/a"}"#.utf8)).isPermitted)
        #expect(try office.request(agent) != id)
    }

    @Test func aGuardThatOnlyReadsItsDirectoryAsksAsWell() throws {
        let directory = try TemporaryDirectory()
        let office = try ApprovalWorld(at: directory.path)
        let agent = try office.world.start()
        let other = try Guard.open(directory: directory.path, .forTests(office.world))
        let arguments = Array(#"{"path":"/data/q3/a"}"#.utf8)
        func ask() throws -> Decision {
            other.check(
                chain: Array(try agent.chain().utf8),
                proof: Array(try agent.prove(tool: "read_file", arguments: arguments).utf8), tool: "read_file",
                arguments: arguments)
        }
        let id = try #require(try ask().approval)
        #expect(try office.authority.approvals().map(\.id) == [id])
        // Another guard of the directory finds the same request.
        #expect(try office.request(agent) == id)
        try office.approve(id)
        #expect(try ask().isPermitted && !ask().isPermitted)
    }

    @Test func aRequestGoesWithItsAgent() throws {
        for isChild in [false, true] {
            let office = try ApprovalWorld()
            let agent = try office.world.start()
            let child = try agent.spawn("child", .sameScope())
            _ = try office.request(isChild ? child : agent)
            let other = try office.request(try office.world.start())
            try agent.end()
            #expect(try office.authority.approvals().map(\.id) == [other])
        }
    }

    @Test func aFloodOfRequestsIsBounded() throws {
        let office = try ApprovalWorld()
        let agent = try office.world.start()
        var ids = Set<String>()
        var refused = 0
        for i in 0..<50 {
            // Sub-agents have no room of their own.
            let asking = i % 10 == 0 ? try agent.spawn("child\(i)", .sameScope()) : agent
            let decision = try office.ask(asking, "/data/q3/\(i)")
            #expect(decision.denial?.reason.rawValue == "approval_required")
            if let id = decision.approval { ids.insert(id) } else { refused += 1 }
        }
        #expect(ids.count == ApprovalRecord.mostOfTask && refused == 50 - ids.count)
        #expect(try office.authority.approvals().count == ApprovalRecord.mostOfTask)
        // Another task has room; what waits goes on.
        _ = try office.request(try office.world.start())
        try office.approve(try #require(ids.first))
        // In all, too.
        try office.authority.registry.write { registry in
            for i in 0..<ApprovalRecord.most {
                try registry.put(
                    ApprovalRecord(
                        id: "x\(i)", call: "x\(i)", agent: "a", task: "t\(i)", asked: 0, expires: .max, document: "{}",
                        arguments: nil))
            }
        }
        let decision = try office.ask(try office.world.start())
        #expect(decision.denial?.reason.rawValue == "approval_required" && decision.approval == nil)
    }

    @Test func oneOfWhomManyTasksAskLeavesRoomForOthers() throws {
        let directory = try TemporaryDirectory()
        for path in [nil, directory.path] {
            let office = try ApprovalWorld(at: path)
            let mallory = "user:mallory@acme.example"
            let eve = #"user:eve"principal":"user:mallory@acme.example"@acme.example"#
            func put(_ count: Int, _ principal: String, task: String) throws {
                try office.authority.registry.write { registry in
                    for i in 0..<count {
                        let document: JSONTree = ["principal": .string(principal), "task": .string("t")]
                        try registry.put(
                            ApprovalRecord(
                                id: "\(task)\(i)", call: "\(task)\(i)", agent: "a", task: "\(task)\(i / 16)", asked: 0,
                                expires: .max, document: document.text, arguments: nil))
                    }
                }
            }
            func start(_ principal: String) throws -> Agent {
                let scope = try Scope("read_file(path under '/data/q3')")
                return try office.authority.startAgent(
                    profile: "researcher", AgentRequest(principal: principal, task: "t", scope: scope))
            }
            try put(ApprovalRecord.mostOfPrincipal - 1, mallory, task: "agent:m")
            // Another authority's word for a principal, and a name that looks like one, count for nobody here.
            try put(16, mallory, task: "issuer:x")
            try put(20, eve, task: "agent:e")
            let (greedy, other) = (try start(mallory), try start("user:bob@acme.example"))
            let last = try office.request(greedy)
            let denied = try office.ask(greedy, "/data/q3/b")
            #expect(denied.denial?.reason.rawValue == "approval_required" && denied.approval == nil)
            #expect(denied.denial?.message.contains("for this principal") == true)
            _ = try office.request(other)
            // What waits goes on, and makes room.
            try office.approve(last)
            #expect(try office.ask(greedy).isPermitted)
            _ = try office.request(greedy, "/data/q3/b")
        }
    }

    @Test func whatNobodyCanBeShownIsNotAsked() throws {
        let office = try ApprovalWorld(
            #"{"id":"big","match":"search","approval":{"of":["user:cfo"]}}"#)
        let agent = try office.world.start("search(query: *)")
        let long = String(repeating: "x", count: ApprovalRecord.longestArguments)
        let decision = try agent.check(tool: "search", arguments: Array(#"{"query":"\#(long)"}"#.utf8))
        #expect(decision.denial?.reason.rawValue == "approval_required" && decision.approval == nil)
        #expect(try office.authority.approvals().isEmpty)
    }

    @Test func aTokenThatNobodyCheckedPermitsNothing() throws {
        let office = try ApprovalWorld()
        let agent = try office.world.start()
        let stranger = try SigningKey.generate()
        let (first, second) = (try office.request(agent), try office.request(agent, "/data/q3/b"))
        try office.smuggle(first, by: "user:cfo", with: stranger)
        #expect(try office.ask(agent).isPermitted == false)
        // An approval of another request is none of this one.
        let third = try office.request(agent)
        try office.smuggle(third, by: "user:cfo", with: office.cfo, call: try office.authority.approval(second).call)
        #expect(try office.ask(agent).isPermitted == false)
        let two = try ApprovalWorld(ApprovalWorld.two)
        let other = try two.world.start()
        let id = try two.request(other)
        // One person's, twice.
        for _ in 0..<2 { try two.smuggle(id, by: "user:cfo", with: two.cfo) }
        #expect(try two.ask(other).isPermitted == false)
    }

    @Test func aWaitingCallGoesOnWhenItIsDecided() throws {
        for isApproved in [true, false] {
            let office = try ApprovalWorld()
            let agent = try office.world.start()
            let arguments = Array(#"{"path":"/data/q3/a"}"#.utf8)
            let decided = Atomic(false)
            let thread = Thread {
                let id = try? office.request(agent)
                while (try? office.authority.approvals().isEmpty) != false { usleep(1000) }
                decided.store(true, ordering: .releasing)
                if isApproved {
                    _ = try? office.approve(id ?? "")
                } else {
                    try? office.authority.refuse(id ?? "", by: "user:coo")
                }
            }
            thread.start()
            let decision = try agent.check(tool: "read_file", arguments: arguments, waiting: 60_000)
            let wasWaiting = decided.load(ordering: .acquiring)
            #expect(wasWaiting)
            #expect(decision.isPermitted == isApproved)
            if !isApproved { #expect(decision.denial?.reason.rawValue == "approval_refused") }
        }
    }

    @Test func aWaitEndsWithItsTime() throws {
        let office = try ApprovalWorld()
        let agent = try office.world.start()
        let decision = try agent.check(
            tool: "read_file", arguments: Array(#"{"path":"/data/q3/a"}"#.utf8), waiting: 20)
        #expect(decision.denial?.reason.rawValue == "approval_required")
        let id = try #require(decision.approval)
        #expect(try office.authority.waitForApproval(id, milliseconds: 1) == .pending)
        try agent.end()
        #expect(try office.authority.waitForApproval(id, milliseconds: 60_000) == nil)
    }

    @Test(arguments: [Int64.min, -1, 0]) func aWaitOfNoTimeOrLessEndsAtOnce(milliseconds: Int64) throws {
        let office = try ApprovalWorld()
        let agent = try office.world.start()
        let arguments = Array(#"{"path":"/data/q3/a"}"#.utf8)
        // Long enough for a time to pass in which the rest of the wait would be taken from it.
        for _ in 0..<50 {
            let decision = try agent.check(tool: "read_file", arguments: arguments, waiting: milliseconds)
            let id = try #require(decision.approval)
            #expect(try office.authority.waitForApproval(id, milliseconds: milliseconds) == .pending)
        }
    }

    @Test func aCallbackDecidesWhatWaitsAndWhatComes() throws {
        let office = try ApprovalWorld()
        let agent = try office.world.start()
        let (early, refused) = (try office.request(agent), "/data/q3/refused")
        let asked = Atomic(0)
        try office.authority.onApproval(by: "user:cfo", with: office.cfo) { request in
            asked.add(1, ordering: .relaxed)
            return request.arguments?.contains("refused") == false
        }
        #expect(try office.authority.waitForApproval(early, milliseconds: 60_000) == .approved)
        #expect(try office.ask(agent).isPermitted)
        let other = try office.request(agent, refused)
        #expect(try office.authority.waitForApproval(other, milliseconds: 60_000) == .refused)
        #expect(try office.ask(agent, refused).denial?.reason.rawValue == "approval_refused")
        let count = asked.load(ordering: .relaxed)
        #expect(count >= 2)
    }

    @Test func aCallbackIsTakenOnlyForANameThatAPolicyCanHave() throws {
        let office = try ApprovalWorld()
        for name in ["", "cfo", "user:the cfo"] {
            let error = #expect(throws: AgentIDError.self) {
                try office.authority.onApproval(by: name, with: office.cfo) { _ in true }
            }
            #expect(error?.name == "uri" && error?.place == "approver")
        }
    }
}
