import AgentID
import Testing

struct AudienceTests {
    private func refusal(_ body: () throws -> Void) -> AgentIDError? {
        do { try body() } catch { return error as? AgentIDError }
        return nil
    }

    @Test func aGuardHasANameOrSaysThatItNeedsNone() throws {
        let world = try World()
        let error = refusal { _ = try Guard(Guard.Options()) }
        #expect(error?.name == "audience_missing" && error?.place == "options.audience" && error?.code == .argument)
        #expect(refusal { _ = try world.authority.guarding(Guard.Options()) }?.name == "audience_missing")
        #expect(refusal { _ = try Guard(.named) } == nil)
        #expect(refusal { _ = try Guard(.forTests(world)) } == nil)
    }
}
