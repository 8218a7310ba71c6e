import Testing

@testable import AgentID

/// Changes that cannot be written are kept until they can be.
@Suite struct UnwrittenChangesTests {
    private func entry(_ change: JournalEntry.Change, _ time: Int64 = 1) -> JournalEntry {
        JournalEntry(change, reason: "", time: time)
    }

    @Test func whatIsMadeAgainTakesNoOthersPlace() {
        var changes = UnwrittenChanges()
        for time in 1...3 * Int64(UnwrittenChanges.most) {
            #expect(changes.add([entry(.end(agent: "a"), time), entry(.suspend(agent: "a"), time)]) == 0)
        }
        #expect(changes.add([entry(.revoke(Revocation(unchecked: .agent, "a"))), entry(.end(agent: "b"))]) == 0)
        #expect(changes.entries.map(\.time) == [1, 1, 1, 1])
        #expect(changes.takeSuspension(of: "b").isEmpty)
        #expect(changes.entries.count == 4)
        #expect(changes.takeSuspension(of: "a").count == 1)
        #expect(changes.entries.count == 3)
    }

    @Test func whatHasNoRoomIsCounted() {
        var changes = UnwrittenChanges()
        let many = (0..<UnwrittenChanges.most + 2).map { entry(.end(agent: "\($0)")) }
        #expect(changes.add(many) == 2)
        #expect(changes.add(many) == 2)
        #expect(changes.entries.count == UnwrittenChanges.most)
    }

    @Test func anAgentThatIsHeldTwiceIsReleasedOnce() throws {
        let world = try World()
        let view = world.authority.view
        for agent in ["a", "b", "a"] { view.hold(agent.exact) }
        view.release("a".exact)
        #expect(!view.isHeld("a".exact))
        #expect(view.isHeld("b".exact))
    }
}
