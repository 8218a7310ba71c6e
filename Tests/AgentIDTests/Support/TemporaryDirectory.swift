import Foundation

/// A directory of a test's own, gone with it.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        let base = FileManager.default.temporaryDirectory.resolvingSymlinksInPath().path
        path = "\(base)/agentid-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    }

    deinit {
        setMode(path, 0o700)
        try? FileManager.default.removeItem(atPath: path)
    }
}

func setMode(_ path: String, _ mode: mode_t) { _ = unsafe chmod(path, mode) }

func setOwner(_ path: String, _ owner: uid_t) { _ = unsafe chown(path, owner, owner) }
