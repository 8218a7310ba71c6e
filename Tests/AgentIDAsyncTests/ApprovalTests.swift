import AgentID
import AgentIDAsync
import Glibc
import JOSE
import Testing

/// Waiting for people takes no thread, so that any number of tasks may wait for as long as people take.
@Suite(.timeLimit(.minutes(10))) struct ApprovalTests {
    /// More than there are cooperative threads.
    private let many = min(sysconf(Int32(_SC_NPROCESSORS_ONLN)) + 1, 16)
    /// Longer than any test takes that holds no thread.
    private static let long: Int64 = 30_000

    @Test func callsThatWaitForPeopleBlockNobody() async throws {
        let office = try await Office()
        try await office.world.withAgent { agent in
            let answers = Task {
                try await withThrowingTaskGroup { group in
                    for i in 0..<many {
                        group.addTask {
                            try await agent.check(
                                tool: "read_file", arguments: Array(#"{"path":"/data/q3/\#(i)"}"#.utf8),
                                waiting: Self.long
                            ).isPermitted
                        }
                    }
                    return try await group.reduce(true) { $0 && $1 }
                }
            }
            try await office.asked(many)
            for request in try await office.authority.approvals() {
                try await office.authority.approve(request.id, by: "user:cfo", with: office.cfo)
            }
            #expect(try await answers.value)
        }
    }

    @Test func permitsThatWaitForPeopleAreThrownOrGiven() async throws {
        let office = try await Office()
        try await office.world.withAgent { agent in
            let arguments = Array(#"{"path":"/data/q3/a"}"#.utf8)
            async let permit = agent.authorize(tool: "read_file", arguments: arguments, waiting: Self.long)
            try await office.asked(1)
            let request = try #require(try await office.authority.approvals().first)
            try await office.authority.approve(request.id, by: "user:cfo", with: office.cfo)
            #expect(try await permit.decision.isPermitted)
            await #expect(throws: NotPermitted.self) {
                try await agent.authorize(tool: "read_file", arguments: arguments, waiting: 1)
            }
        }
    }

    @Test func statesAreWaitedForByManyAndForNoLongerThanTold() async throws {
        let office = try await Office()
        try await office.world.withAgent { agent in
            let id = try #require(try decision(on: agent).approval)
            #expect(try await office.authority.waitForApproval(id, milliseconds: 1) == .pending)
            #expect(try await office.authority.waitForApproval(id, milliseconds: .min) == .pending)
            let states = Task {
                try await withThrowingTaskGroup { group in
                    for _ in 0..<many {
                        group.addTask { try await office.authority.waitForApproval(id, milliseconds: .max) }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
            }
            for _ in 0..<100 { await Task { await Task.yield() }.value }
            try await office.authority.refuse(id, by: "user:cfo")
            #expect(try await states.value == Array(repeating: .refused, count: many))
        }
    }

    @Test func aCancelledTaskWaitsNoLonger() async throws {
        let office = try await Office()
        try await office.world.withAgent { agent in
            let waiting = Task {
                try await agent.check(
                    tool: "read_file", arguments: Array(#"{"path":"/data/q3/a"}"#.utf8), waiting: .max)
            }
            try await office.asked(1)
            waiting.cancel()
            #expect(try await waiting.value.denial?.reason.rawValue == "approval_required")
        }
    }

    @Test func asyncCodeDecides() async throws {
        let office = try await Office()
        let authority = office.authority
        try await authority.onApproval(by: "user:cfo", with: office.cfo) { [weak authority] request in
            // It calls back into the authority, as code that asks somebody may.
            try await authority?.approval(request.id).arguments?.contains("public")
        }
        try await office.world.withAgent { agent in
            for name in ["public", "else"] {
                let decision = try await agent.check(
                    tool: "read_file", arguments: Array(#"{"path":"/data/q3/\#(name)"}"#.utf8), waiting: Self.long)
                #expect(decision.isPermitted == (name == "public"))
            }
        }
    }
}

/// An authority whose agents read what one person approves.
private struct Office {
    let world: World
    let cfo: SigningKey

    var authority: Authority { world.authority }

    init() async throws {
        (world, cfo) = (try await World(), try SigningKey.generate())
        let policy = """
            {"version":1,"approvers":[{"name":"user:cfo","key":"\(Base64URL.encode(cfo.publicKey.bytes))"}],
             "rules":[{"id":"big","match":"read_file","approval":{"of":["user:cfo"],"within":"15m"}}]}
            """
        try await authority.applyPolicy(Array(policy.utf8))
    }

    /// Suspends until so many requests wait.
    func asked(_ count: Int) async throws {
        while try await authority.approvals().count < count { await Task.yield() }
    }
}
