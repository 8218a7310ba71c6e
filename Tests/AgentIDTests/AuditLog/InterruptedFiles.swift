import Foundation
import JOSE

@testable import AgentID

/// Files that stop at one of their steps, as the process or the machine does, and do nothing more.
final class InterruptedFiles: AuditFiles {
    enum Way: CaseIterable {
        /// The step is not taken.
        case before
        /// The step is taken, but its caller does not learn it.
        case after
        /// A file is written halfway beside the one it was to replace.
        case halfway
        /// The power goes: as `after`, and what was not synced is not there.
        case powerCut
    }

    struct State {
        var left: Int
        var isStopped = false
        /// How to take back what no sync of a file or directory has made durable.
        var undo: [(place: String, action: @Sendable () -> Void)] = []
    }

    let state: Locked<State>
    let way: Way
    private let system: SystemAuditFiles
    private static let stopped = AgentIDError(.io, name: "file", message: "stopped")

    init(in directory: String, steps: Int, way: Way) throws {
        system = try SystemAuditFiles(holding: directory)
        state = Locked(State(left: steps))
        self.way = way
    }

    var isStopped: Bool { state.withLock { $0.isStopped } }
    var held: HeldDirectory? { system.held }

    /// What is there after the power came back.
    func cutPower() {
        guard way == .powerCut else { return }
        for undo in state.withLock({ $0.undo }).reversed() { undo.action() }
    }

    private func step(
        halfway: () -> Void = {}, _ body: () throws(AgentIDError) -> Void
    ) throws(AgentIDError) {
        let isLast = try state.withLock { state throws(AgentIDError) in
            guard !state.isStopped else { throw Self.stopped }
            state.left -= 1
            state.isStopped = state.left <= 0
            return state.isStopped
        }
        guard isLast else { return try body() }
        switch way {
        case .before: break
        case .after, .powerCut: try body()
        case .halfway: halfway()
        }
        throw Self.stopped
    }

    private func remember(_ path: String, _ action: @escaping @Sendable () -> Void) {
        let directory = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        state.withLock { $0.undo.append((directory, action)) }
    }

    func read(_ path: String, limit: Int) throws(AgentIDError) -> [UInt8]? { try system.read(path, limit: limit) }
    func list(_ path: String) throws(AgentIDError) -> [String] { try system.list(path) }
    func allocate(_ file: Int32, size: Int) -> Int32 { system.allocate(file, size: size) }

    func replace(_ path: String, with bytes: [UInt8]) throws(AgentIDError) {
        try step(halfway: { try? Data(bytes.prefix(bytes.count / 2)).write(to: URL(fileURLWithPath: path + ".new")) }) {
            () throws(AgentIDError) in try system.replace(path, with: bytes)
        }
    }

    func makeDirectory(_ path: String) throws(AgentIDError) {
        try step { () throws(AgentIDError) in try system.makeDirectory(path) }
    }

    func remove(_ path: String) throws(AgentIDError) {
        try step { () throws(AgentIDError) in
            let content = FileManager.default.contents(atPath: path)
            try system.remove(path)
            if let content { remember(path) { try? content.write(to: URL(fileURLWithPath: path)) } }
        }
    }

    func rename(_ path: String, to target: String) throws(AgentIDError) {
        try step { () throws(AgentIDError) in
            try system.rename(path, to: target)
            remember(path) { try? FileManager.default.moveItem(atPath: target, toPath: path) }
        }
    }

    func write(_ path: String, _ bytes: [UInt8]) throws(AgentIDError) {
        try step(halfway: { try? Data(bytes.prefix(bytes.count / 2)).write(to: URL(fileURLWithPath: path)) }) {
            () throws(AgentIDError) in
            try system.write(path, bytes)
            let url = URL(fileURLWithPath: path)
            // Its bytes and its name reach the disk each on their own.
            state.withLock { state in
                state.undo.append((path, { try? Data(bytes.prefix(bytes.count / 3)).write(to: url) }))
            }
            remember(path) { try? FileManager.default.removeItem(at: url) }
        }
    }

    func sync(_ path: String) throws(AgentIDError) {
        try step { () throws(AgentIDError) in
            try system.sync(path)
            state.withLock { $0.undo.removeAll { $0.place == path } }
        }
    }
}
