import AgentID
import Glibc
import JOSE

/// An agent at rest: `key.jwk` (0600), `chain`, and `credential` where it has one.
struct AgentDirectory {
    let path: String

    var isDirectory: Bool {
        var status = stat()
        return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Makes the directory, which must not exist, and writes all of the agent or nothing.
    static func create(_ path: String, key: SigningKey, chain: String, credential: String?) throws {
        guard unsafe mkdir(path, 0o700) == 0 else { throw Fault("\(path): \(Console.lastError)") }
        do {
            let written: Result<Void, any Error> = try key.withExportedJWK { jwk in
                do { return .success(try Console.create("\(path)/key.jwk", mode: 0o600, jwk)) } catch {
                    return .failure(error)
                }
            }
            try written.get()
            for (name, text) in [("chain", chain), ("credential", credential ?? "")] where !text.isEmpty {
                let bytes = Array((text + "\n").utf8)
                try Console.create("\(path)/\(name)", mode: 0o644, bytes.span)
            }
        } catch {
            for name in ["key.jwk", "chain", "credential"] { unsafe unlink("\(path)/\(name)") }
            _ = unsafe rmdir(path)
            throw error
        }
    }

    func open() throws -> Agent {
        var status = stat()
        let keyPath = "\(path)/key.jwk"
        guard unsafe lstat(keyPath, &status) == 0 else { throw Fault("\(keyPath): \(Console.lastError)") }
        guard status.st_mode & 0o077 == 0 else {
            throw Fault("\(keyPath) can be read by others: chmod 600 \(keyPath), and rotate the key if they did")
        }
        var bytes = try Console.read(keyPath, limit: 4096)
        defer { for i in bytes.indices { bytes[i] = 0 } }
        let credential = "\(path)/credential"
        let text = { (name: String) throws in
            String(decoding: Console.line(try Console.read("\(path)/\(name)")), as: UTF8.self)
        }
        return try Agent.open(
            key: SigningKey(jwk: Console.line(bytes).span), chain: text("chain"),
            credential: unsafe access(credential, F_OK) == 0 ? text("credential") : nil)
    }
}
