import Synchronization

@testable import AgentID

/// A registry that can be made unreadable, or left without room.
final class BrittleRegistry: Registry {
    let inner: any Registry
    let isBroken = Atomic<Bool>(false)
    let isFull = Atomic<Bool>(false)
    init(_ inner: any Registry) { self.inner = inner }

    var changes: UInt64 { inner.changes }

    private func check() throws(AgentIDError) {
        if isBroken.load(ordering: .relaxed) { throw AgentIDError(.io, name: "file", message: "the disk is gone") }
    }

    func read<Result>(_ body: (any RegistryReader) throws -> Result) throws(AgentIDError) -> Result {
        try check()
        return try inner.read(body)
    }

    func write<Result>(
        within milliseconds: Int, _ body: (any RegistryWriter) throws -> Result
    ) throws(AgentIDError) -> Result {
        try check()
        if isFull.load(ordering: .relaxed) { throw AgentIDError(.io, name: "disk_full", message: "the disk is full") }
        return try inner.write(within: milliseconds, body)
    }

    func announceElsewhere() { inner.announceElsewhere() }
}
