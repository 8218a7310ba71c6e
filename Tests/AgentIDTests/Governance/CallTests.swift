import AgentID
import Foundation
import Scopes
import StrictJSON
import Synchronization
import TestSupport
import Testing

/// Calls as objects: decided when they begin, settled and recorded once.
@Suite struct CallTests {
    private static let budget =
        #"{"id":"spend","match":"read_file","budget":{"unit":"usd","limit":"1.00","cost":{"fixed":"0.40"},"for":"task"}}"#

    private func apply(_ rules: String, labels: String = "", to world: World, version: Int = 1) throws {
        try world.authority.applyPolicy(Array(#"{"version":\#(version),\#(labels)"rules":[\#(rules)]}"#.utf8))
    }

    private func begin(_ agent: Agent, within seconds: Int64 = Call.lapse) throws -> Call {
        try agent.begin(tool: "read_file", arguments: ["path": "/data/q3/a"], within: seconds)
    }

    /// What is left of the budget, as a denial says it; in hundredths.
    private func left(_ agent: Agent) throws -> String? {
        var calls: [Call] = []
        defer { for call in calls { try? call.abort() } }
        while true {
            do { calls.append(try begin(agent)) } catch let NotPermitted.denied(decision) {
                return decision.denial?.left.map { "\(calls.count) calls, \($0.amount) \($0.unit)" }
            }
        }
    }

    @Test func aCallIsSettledOnceHoweverOftenAndInWhateverOrderItIsEnded() throws {
        var random = Seeded.announced("ends of calls")
        for _ in 0..<20 {
            let world = try World()
            let agent = try world.start()
            try apply(Self.budget, to: world)
            let call = try begin(agent)
            try call.cost("0.10", in: "usd")
            var first: Int?
            for _ in 0..<6 {
                let way = Int.random(in: 0...4, using: &random)
                let isAgain = first != nil
                do throws(AgentIDError) {
                    switch way {
                    case 0: try call.commit(key: "a")
                    case 1: try call.commit()
                    case 2: try call.abort()
                    case 3: try call.abort(key: "a")
                    default: try call.leave(failure: Bool.random(using: &random) ? "failed: Oops" : nil)
                    }
                    if isAgain { #expect(way == 4 || way == first && way != 1 || way == 2 && first == 4) }
                } catch { #expect(isAgain && error.name == "call_ended") }
                first = first ?? way
                // Told: the outcome does not matter.
                #expect(try left(agent) == "2 calls, 0.10 usd")
            }
            #expect(call.hasEnded)
        }
    }

    @Test func aCallReservesMoreUnderThePolicyInForceOnly() throws {
        let world = try World()
        let agent = try world.start()
        try apply(Self.budget, to: world)
        let call = try begin(agent)
        try call.extend(by: "0.20", in: "usd")
        // Lowered meanwhile: 0.60 of 0.70 are reserved.
        try apply(Self.budget.replacingOccurrences(of: "1.00", with: "0.70"), to: world, version: 2)
        #expect(throws: NotPermitted.self) { try call.extend(by: "0.20", in: "usd") }
        try call.extend(by: "0.10", in: "usd")
        // Observed: it denies nothing, and has nothing more to reserve.
        let observed = Self.budget.replacingOccurrences(of: #"{"id""#, with: #"{"mode":"observe","id""#)
        try apply(observed.replacingOccurrences(of: "1.00", with: "0.70"), to: world, version: 3)
        try call.extend(by: "0.20", in: "usd")
        try call.commit()
        try apply(Self.budget.replacingOccurrences(of: "1.00", with: "2.00"), to: world, version: 4)
        #expect(try left(agent) == "3 calls, 0.10 usd")
    }

    @Test func anObservedBudgetDeniesNoCallThatGoesOn() throws {
        let world = try World()
        let agent = try world.start()
        try apply(Self.budget.replacingOccurrences(of: #"{"id""#, with: #"{"mode":"observe","id""#), to: world)
        let call = try begin(agent)
        try call.extend(by: "0.90", in: "usd")
        try call.commit()
    }

    @Test func aCallThatGoesOnKeepsTheTimeThatItWasTold() throws {
        let world = try World()
        let agent = try world.start()
        try apply(Self.budget, to: world)
        let call = try begin(agent, within: 86_400)
        try call.extend(by: "0", in: "usd")
        world.pass(seconds: Call.lapse + 1)
        try call.cost("0.10", in: "usd")
        try call.commit()
        #expect(try left(world.start()) == "2 calls, 0.20 usd")
    }

    @Test func aCallThatFailsGivesBackWhatItsRuleSaysAndOneThatSucceedsCostsWhatWasReserved() throws {
        let kept = Self.budget.replacingOccurrences(of: #""for":"task""#, with: #""for":"task","on_failure":"spend""#)
        for (rule, fails, expected) in [
            (Self.budget, true, "2 calls, 0.20 usd"), (Self.budget, false, "1 calls, 0.20 usd"),
            (kept, true, "1 calls, 0.20 usd"), (kept, false, "1 calls, 0.20 usd"),
        ] {
            let world = try World()
            let agent = try world.start()
            try apply(rule, to: world)
            struct Broken: Error {}
            let outcome = Result {
                try agent.withCall(tool: "read_file", arguments: ["path": "/data/q3/a"]) { _ in
                    if fails { throw Broken() }
                }
            }
            if case .failure(let error) = outcome { #expect(error is Broken && fails) } else { #expect(!fails) }
            #expect(try left(agent) == expected)
        }
    }

    @Test func aDeniedCallNeverRunsItsTool() throws {
        let world = try World()
        let agent = try world.start()
        #expect(throws: NotPermitted.self) {
            try agent.withCall(tool: "read_file", arguments: ["path": "/etc/passwd"]) { _ in Issue.record("it ran") }
        }
    }

    @Test func anExtensionReservesOnceForEachKeyOrNothingAndIsSettledWithTheCall() throws {
        let world = try World()
        let agent = try world.start()
        try apply(Self.budget, to: world)
        let call = try begin(agent)
        for _ in 0..<3 { try call.extend(by: "0.25", in: "usd", key: "page 2") }
        #expect(try left(agent) == "0 calls, 0.35 usd")
        do {
            try call.extend(by: "0.36", in: "usd", key: "page 3")
            Issue.record("more was reserved than there is")
        } catch {
            #expect(error.denial?.reason.rawValue == "budget_exhausted" && error.denial?.left?.amount == "0.35")
        }
        // A key that was refused may be tried again.
        try call.extend(by: "0.35", in: "usd", key: "page 3")
        #expect(try left(agent) == "0 calls, 0.00 usd")
        try call.cost("0.55", in: "usd")
        try call.commit()
        #expect(try left(agent) == "1 calls, 0.05 usd")
        #expect(throws: NotPermitted.self) { try call.extend(by: "0.01", in: "usd") }
        // In a unit that nothing counts there is nothing to reserve.
        let other = try begin(agent)
        try other.extend(by: "3", in: "tokens")
        try other.cost("3", in: "tokens")
        try other.abort()
    }

    @Test func aCallIsExtendedOnlyWhileItsAgentsMayAct() throws {
        let world = try World()
        let agent = try world.start()
        try apply(Self.budget, to: world)
        let call = try begin(agent)
        let id = try agent.id()
        func refusal() -> String? {
            do throws(NotPermitted) { try call.extend(by: "0.05", in: "usd", key: "page 2") } catch {
                return error.denial?.reason.rawValue
            }
            return nil
        }
        try world.authority.suspend(agent: id)
        #expect(refusal() == "suspended")
        try world.authority.resume(agent: id)
        #expect(try left(agent) == "1 calls, 0.20 usd")
        #expect(refusal() == nil)
        try world.authority.revoke(Revocation(.agent, id))
        #expect(refusal() == "authority_revoked")
        try call.commit()
    }

    @Test func aClockMayAskTheVeryCallThatReadsIt() throws {
        let asked = Mutex<Call?>(nil)
        let answered = Atomic(0)
        let time = Int64(1_790_000_000_000)
        let world = try World {
            $0.clock = CallbackClock {
                if let call = asked.withLock({ $0 }), !call.hasEnded { answered.add(1, ordering: .relaxed) }
                return time
            }
        }
        let agent = try world.start()
        let call = try begin(agent)
        asked.withLock { $0 = call }
        try call.extend(by: "0", in: "usd", within: 60)
        try call.commit()
        asked.withLock { $0 = nil }
        let count = answered.load(ordering: .relaxed)
        #expect(count >= 2)
    }

    @Test func aCallThatLapsedGivesNothingBackAndWhatItCostBeyondIsCounted() throws {
        let world = try World()
        let agent = try world.start()
        try apply(Self.budget, to: world)
        let (one, other) = (try begin(agent, within: 60), try begin(agent, within: 60))
        try one.extend(by: "0", in: "usd", within: 600)
        world.pass(seconds: 61)
        // Prolonged: what it did not cost comes back.
        try one.cost("0.10", in: "usd")
        try one.commit()
        #expect(throws: NotPermitted.self) { try other.extend(by: "0.10", in: "usd") }
        try other.abort()
        #expect(try left(agent) == "1 calls, 0.10 usd")
        let last = try begin(agent, within: 1)
        world.pass(seconds: 1)
        try last.cost("0.45", in: "usd")
        try last.commit()
        #expect(try left(agent) == "0 calls, 0.05 usd")
        for seconds: Int64 in [0, -1, Call.longestLapse + 1] {
            #expect(throws: NotPermitted.self) { try begin(agent, within: seconds) }
        }
    }

    @Test func aRetryWithTheSameKeyMakesUpForWhatFailed() throws {
        let world = try World()
        let agent = try world.start()
        try apply(Self.budget, to: world)
        let call = try begin(agent)
        try call.cost("5", in: "usd")
        try call.commit(key: "once")
        for _ in 0..<3 { try call.commit(key: "once") }
        #expect(try left(agent) == "0 calls, 0.00 usd")
        #expect(throws: AgentIDError.self) { try call.commit(key: "twice") }
        #expect(throws: AgentIDError.self) { try call.commit(key: "") }
    }

    @Test func labelsThatAToolReportsAreThereForTheTasksNextCall() throws {
        let world = try World()
        let agent = try world.start("read_file(path under '/data/q3'); search(query: *)")
        try apply(
            #"{"id":"flow","match":"search","labels":{"refuses":["private"]}},{"id":"need","match":"read_file(path under '/data/x')","labels":{"requires":["seen"]}}"#,
            labels: #""labels":["private","seen"],"#, to: world)
        let search: JSONTree = ["query": "a"]
        #expect(try agent.check(tool: "search", arguments: search.canonical()).isPermitted)
        let call = try begin(agent)
        #expect(throws: AgentIDError.self) { try call.labels(["privat"]) }
        #expect(throws: AgentIDError.self) { try call.labels(["private", "seen"]) }
        #expect(try agent.check(tool: "search", arguments: search.canonical()).isPermitted)
        try call.labels(["private"])
        #expect(try agent.check(tool: "search", arguments: search.canonical()).rule == "flow")
        // Also late, and by a call that failed: the data was seen.
        try call.abort()
        try call.labels(["private"])
        let other = try world.start("search(query: *)")
        #expect(try other.check(tool: "search", arguments: search.canonical()).isPermitted)
    }

    @Test func aCallHasAsManyLabelsAsItsOutcomeHasRoomFor() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        let call = try begin(world.start())
        func refusal(_ names: [String]) -> String? {
            do throws(AgentIDError) { try call.labels(names) } catch { return error.name }
            return nil
        }
        #expect(refusal((0..<1_000_000).map(String.init)) == "context")
        #expect(refusal([String(repeating: "a", count: 257)]) == "context")
        #expect(refusal([""]) == "context")
        #expect(refusal((0..<64).map { "\($0)" + String(repeating: "\u{1}", count: 200) }) == "context")
        let most = (0..<64).map { "\($0)" + String(repeating: "a", count: 250) }
        #expect(refusal(most) == nil && refusal(most) == nil)
        #expect(refusal(["more"]) == "context")
        try call.commit()
        // Nobody would learn of them.
        #expect(refusal([most[0]]) == "call_ended")
        try world.authority.integrate()
        let lines = try AuditReader(authority: directory.path).entries(from: 0).map {
            String(decoding: $0, as: UTF8.self)
        }
        #expect(lines.last { $0.contains(#""kind":"outcome""#) }?.contains(most[63]) == true)
    }

    @Test func theOutcomeIsRecordedOnceWithTheDecisionsIDAndNoValue() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        let agent = try world.start()
        try apply(Self.budget, labels: #""labels":["private"],"#, to: world)
        let done = try begin(agent)
        try done.labels(["private"])
        try done.commit("read 17 bytes", key: "k")
        try done.commit("read 18 bytes", key: "k")
        struct Broken: Error { let secret = "hunter2" }
        var failed: String?
        #expect(throws: Broken.self) {
            try agent.withCall(tool: "read_file", arguments: ["path": "/data/q3/a"]) { call in
                failed = call.permit.id
                throw Broken()
            }
        }
        try world.authority.integrate()
        let lines = try AuditReader(authority: directory.path).entries(from: 0).map {
            String(decoding: $0, as: UTF8.self)
        }
        let outcomes = lines.filter { $0.contains(#""kind":"outcome""#) }
        #expect(outcomes.count == 2)
        #expect(outcomes.first?.contains(done.permit.id) == true && outcomes.first?.contains("read 17 bytes") == true)
        #expect(outcomes.first?.contains(#""labels":["private"]"#) == true)
        #expect(outcomes.last?.contains(failed ?? "?") == true && outcomes.last?.contains("failed: Broken") == true)
        #expect(!lines.contains { $0.contains("hunter2") || $0.contains("0.40") })
    }

    @Test func threadsThatEndOneCallSettleItOnce() throws {
        let world = try World()
        let agent = try world.start()
        try apply(Self.budget, to: world)
        for _ in 0..<50 {
            let call = try begin(agent)
            try call.cost("0.01", in: "usd")
            let settled = Atomic<Int>(0)
            DispatchQueue.concurrentPerform(iterations: 8) { i in
                let isDone: Void? = try? i % 2 == 0 ? call.commit(key: "\(i)") : call.leave(failure: "failed")
                if isDone != nil { settled.add(1, ordering: .relaxed) }
            }
            #expect(settled.load(ordering: .relaxed) >= 1)
        }
        #expect(try left(agent) == "1 calls, 0.10 usd")
    }
}
