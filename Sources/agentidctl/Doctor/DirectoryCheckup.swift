import AgentID
import FoundationEssentials
import Glibc

/// Checks who owns the files of an authority, and who else can access them.
struct DirectoryCheckup {
    let directory: String

    var findings: [Finding] {
        var findings = [
            Finding(of: "directory: owner and mode", at: directory) {
                let status = try status(of: "\(directory)/.")
                guard status.st_uid == geteuid() || geteuid() == 0 else {
                    throw Trouble(
                        "it belongs to user \(status.st_uid), and this process runs as user \(geteuid())",
                        remedy: "run as user \(status.st_uid), or chown it")
                }
                try refuseOthers(status, atMost: 0o700, directory)
            }
        ]
        for (name, mode) in files {
            let path = "\(directory)/\(name)"
            guard unsafe access(path, F_OK) == 0 || name == "registry.db" else { continue }
            findings.append(
                Finding(of: "\(name): owner and mode", at: path) {
                    let status = try status(of: path)
                    guard try status.st_uid == self.status(of: "\(directory)/.").st_uid else {
                        throw Trouble(
                            "it does not belong to the directory's owner", remedy: "chown it to the directory's owner")
                    }
                    try refuseOthers(status, atMost: mode, path)
                    if name.utf8.starts(with: "keys/".utf8) { try checkSecret(path) }
                })
        }
        return findings
    }

    private func checkSecret(_ path: String) throws {
        do { try RegistryInspection.checkSecret(path) } catch {
            throw Trouble(
                "\(error.message)",
                remedy: path.ends(exactly: "/digest") || path.ends(exactly: "/log.jwk")
                    ? "restore it from a backup" : "restore it from a backup, or rotate keys")
        }
    }

    private var files: [(name: String, mode: mode_t)] {
        let keys = (try? FileManager.default.contentsOfDirectory(atPath: "\(directory)/keys")) ?? []
        let here = ["registry.db", "registry.db-wal", "registry.db-shm", "sequence", "lock", "journal"].map {
            ($0, 0o600)
        }
        let secrets = keys.filter { $0.ends(exactly: ".jwk") || $0 == "digest" }.inByteOrder().map {
            ("keys/\($0)", 0o600)
        }
        let audit =
            ["checkpoint", "key", "sequence", "lock", "identity"].map { ("audit/\($0)", 0o600) }
            + ["audit", "audit/segments", "audit/tile"].map { ($0, 0o700) }
        return (here + [("keys", 0o700)] + secrets + audit).map { ($0, mode_t($1)) }
    }

    private func status(of path: String) throws -> stat {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else {
            if PermissionDenied.isMeant(by: errno) {
                throw Trouble("permission denied", remedy: PermissionDenied.explanation(of: path))
            }
            throw Trouble(
                Console.lastError, remedy: "name the directory that agentidctl init made, or restore the file")
        }
        guard status.st_mode & S_IFMT != S_IFLNK else {
            throw Trouble("it is a symbolic link", remedy: "put the file itself in its place")
        }
        return status
    }

    private func refuseOthers(_ status: stat, atMost most: mode_t, _ path: String) throws {
        guard status.st_mode & 0o777 & ~most == 0 else {
            throw Trouble(
                "others can get at it", remedy: "chmod \(String(most, radix: 8)) \(path), and rotate keys if they did")
        }
    }
}
