import Foundation
import StrictJSON
import Testing
@testable import AgentID

/// What reads thousands of rows holds up no decision, and believes no other file.
struct LongReadTests {
    @Test(.timeLimit(.minutes(1))) func decisionsReadAndAgentsAreStartedWhileSomebodyReadsOn() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: "\(directory.path)/a")
        let (first, registry) = (try world.start(), world.authority.registry)
        let (before, after) = try registry.readAside { aside in
            let before = try aside.agents(AgentFilter()).count
            // On the connection that decisions use: this would wait for itself.
            _ = try registry.read { try $0.meta() }
            _ = try world.start()
            return (before, try aside.agents(AgentFilter()).count)
        }
        #expect((before, after) == (1, 1), "one snapshot")
        let listed = try world.authority.agents()
        #expect(listed.count == 2 && listed.allSatisfy(\.isLive))
        _ = first
    }

    @Test func aRegistryThatWasReplacedListsNothing() throws {
        let directory = try TemporaryDirectory()
        let (mine, other) = (try World(at: "\(directory.path)/a"), try World(at: "\(directory.path)/b"))
        _ = (try mine.start(), try other.start())
        let files = FileManager.default
        try files.removeItem(atPath: "\(directory.path)/a/registry.db")
        try files.copyItem(atPath: "\(directory.path)/b/registry.db", toPath: "\(directory.path)/a/registry.db")
        #expect { try mine.authority.registry.readAside { try $0.agents(AgentFilter()) } } throws: { error in
            (error as? AgentIDError)?.name.isSame(as: "registry_replaced") == true
        }
    }
}
