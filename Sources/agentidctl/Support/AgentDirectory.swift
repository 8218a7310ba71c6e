import AgentID
import Glibc
import JOSE

/// An agent at rest: `key.jwk` (0600), `chain`, and `credential` if it has one.
struct AgentDirectory {
    let path: String

    var isDirectory: Bool {
        var status = stat()
        return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Makes the directory, which must not exist, and only then the agent. Writes all of the agent or nothing.
    static func create(
        _ path: String, key: SigningKey, _ start: () throws -> (chain: String, credential: String)
    ) throws {
        guard unsafe mkdir(path, 0o700) == 0 else {
            guard errno == EEXIST else { throw Fault(file: path) }
            throw Fault("\(path) exists: name a directory that does not", code: "exists", reason: "file", path: path)
        }
        do {
            let (chain, credential) = try start()
            let written: Result<Void, any Error> = try key.withExportedJWK { jwk in
                do { return .success(try Console.create("\(path)/key.jwk", mode: 0o600, jwk)) } catch {
                    return .failure(error)
                }
            }
            try written.get()
            for (name, text) in [("chain", chain), ("credential", credential)] where !text.isEmpty {
                let bytes = Array((text + "\n").utf8)
                try Console.create("\(path)/\(name)", mode: 0o644, bytes.span)
            }
            try Files.syncName(of: path)
        } catch {
            for name in ["key.jwk", "chain", "credential"] { unsafe unlink("\(path)/\(name)") }
            _ = unsafe rmdir(path)
            throw error
        }
    }

    func open() throws -> Agent {
        guard var bytes = try read("key.jwk", limit: 4096, isSecret: true) else {
            throw Fault(noAgentIn: path, "key.jwk")
        }
        defer { for i in bytes.indices { bytes[i] = 0 } }
        guard let chain = try text("chain") else { throw Fault(noAgentIn: path, "chain") }
        return try Agent.open(
            key: SigningKey(jwk: Console.line(bytes).span), chain: chain, credential: text("credential"))
    }

    /// The text of one of its files; `nil` if it does not exist.
    func text(_ name: String) throws -> String? {
        try read(name, limit: 1 << 20).map { String(decoding: Console.line($0), as: UTF8.self) }
    }

    /// Reads a file of the directory, which others may have filled: no link is followed, and no FIFO waited for.
    private func read(_ name: String, limit: Int, isSecret: Bool = false) throws -> [UInt8]? {
        let place = "\(path)/\(name)"
        let file = unsafe Glibc.open(place, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw errno == ELOOP
                ? Fault("\(place) is a link: it is not followed", code: "io", reason: "unsafe_file", path: place)
                : Fault(file: place)
        }
        defer { close(file) }
        var status = stat()
        guard unsafe fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw Fault("\(place) is not a file", code: "io", reason: "unsafe_file", path: place)
        }
        guard !isSecret || status.st_mode & 0o077 == 0 else {
            throw Fault(
                "\(place) can be read by others: chmod 600 \(place), and rotate the key if they did", code: "io",
                reason: "unsafe_permissions", path: place)
        }
        return try Console.read(file, named: place, limit: limit)
    }
}

extension Fault {
    /// A file of an agent that is not there.
    fileprivate init(noAgentIn directory: String, _ file: String) {
        let path = "\(directory)/\(file)"
        self.init(
            "\(path): there is no such file: name the directory that agentidctl agent --out made", code: "io",
            reason: "file", path: path)
    }
}
