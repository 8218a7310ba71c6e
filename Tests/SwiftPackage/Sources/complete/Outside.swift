import AgentID
import Synchronization

/// What was told, from any thread.
final class Log: Sendable {
    private let lines = Mutex<[String]>([])

    func add(_ line: String) { lines.withLock { $0.append(line) } }

    /// How many lines have `text` in them.
    func count(of text: String) -> Int {
        let text = Array(text.utf8)
        return lines.withLock { lines in
            lines.count { line in
                let line = Array(line.utf8)
                return line.indices.contains { line[$0...].starts(with: text) }
            }
        }
    }
}

/// A provider of one secret for all.
struct Vault: SecretProvider {
    let log: Log
    let releaseCommand: [String] = []

    func acquire(_ request: SecretRequest) throws -> Secret { try Secret("s3cr3t".utf8.span) }

    func release(_ release: SecretRelease) { log.add("released \(release.resource)") }
}
