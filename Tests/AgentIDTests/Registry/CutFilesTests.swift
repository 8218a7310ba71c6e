import Foundation
import Glibc
import Testing

@testable import AgentID

/// Files that processes have mapped, and that are cut short beneath them. After a pause the files are looked at before
/// the memory is touched: the process goes on, and does not end by SIGBUS.
struct CutFilesTests {
    private let call = Array(#"{"path":"/data/q3/a"}"#.utf8)

    @Test(arguments: ["sequence", "registry.db-shm"])
    func aMappedFileThatWasCutShortDenies(file: String) throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        let agent = try world.start()
        #expect(try agent.check(tool: "read_file", arguments: call).isPermitted)
        #expect(unsafe truncate("\(directory.path)/\(file)", 0) == 0)
        usleep(100_000)
        for _ in 0..<3 {
            let decision = try agent.check(tool: "read_file", arguments: call)
            #expect(!decision.isPermitted && decision.denial?.reason.rawValue == "registry_replaced")
        }
        let error = #expect(throws: AgentIDError.self) { _ = try world.start() }
        #expect(error?.name == "registry_replaced" && error?.message.contains("cut short") == true)
        world.authority.close()
    }

    @Test func aSegmentThatWasCutShortIsLeftForANewOne() throws {
        let directory = try TemporaryDirectory()
        let world = try World(at: directory.path)
        let agent = try world.start()
        #expect(try agent.check(tool: "read_file", arguments: call).isPermitted)
        try world.authority.integrate()
        let segments = "\(directory.path)/audit/segments"
        for name in try FileManager.default.contentsOfDirectory(atPath: segments) {
            #expect(unsafe truncate("\(segments)/\(name)", 0) == 0)
        }
        let log = try #require(world.authority.trail?.log)
        for _ in 0..<10_000 where log.gaps.isEmpty { usleep(1000) }
        #expect(log.gaps.contains { $0.kind == .removedSegment })
        for _ in 0..<10 { #expect(try agent.check(tool: "read_file", arguments: call).isPermitted) }
        try world.authority.integrate()
        #expect(try AuditReader(authority: directory.path).count > 10)
        world.authority.close()
    }
}
