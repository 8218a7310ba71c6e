internal import StrictJSON
internal import TransparencyLog

/// The tiles, bundles and checkpoint of an audit log, as files under its directory.
final class AuditTiles: TileStorage {
    let directory: String
    private let files: any AuditFiles
    /// Written but not known to be durable: files, and directories with new names in them.
    private var written: [String] = []
    private var named: Set<ExactText> = []

    init(directory: String, files: any AuditFiles) {
        self.directory = directory
        self.files = files
    }

    /// Reads a file of the log. For a partial tile or bundle that is gone, reads the beginning of a wider one.
    func read(_ path: String) throws(TransparencyLogError) -> [UInt8]? {
        do throws(AgentIDError) {
            if let bytes = try files.read("\(directory)/\(path)", limit: EntryBundle.longestBundle) { return bytes }
            let parts = path.parts(at: UInt8(ascii: "/"))
            guard let last = parts.last, let width = Int(last), parts.dropLast().last?.ends(exactly: ".p") == true
            else {
                return nil
            }
            let full = "\(directory)/\(path.dropLast(last.utf8.count + 3))"
            let wider = try files.list("\(full).p").compactMap { Int($0) }.filter { $0 > width }.min()
            let source = wider.map { "\(full).p/\($0)" } ?? full
            guard let bytes = try files.read(source, limit: EntryBundle.longestBundle) else { return nil }
            guard path.starts(exactly: "tile/entries/") else { return Array(bytes.prefix(width * MerkleHash.count)) }
            let entries = EntryBundle.split(bytes.span).entries.prefix(width)
            return Array(bytes.prefix(entries.last?.upperBound ?? 0))
        } catch { throw TransparencyLogError(error) }
    }

    func write(_ path: String, _ bytes: [UInt8]) throws(TransparencyLogError) {
        do throws(AgentIDError) {
            var parent = directory
            for name in path.parts(at: UInt8(ascii: "/")).dropLast() {
                // Also if it exists already: its name may not be durable yet.
                named.insert(parent.exact)
                parent += "/\(name)"
                if !named.contains(parent.exact) { try files.makeDirectory(parent) }
            }
            named.insert(parent.exact)
            try files.write("\(directory)/\(path)", bytes)
            written.append("\(directory)/\(path)")
        } catch { throw TransparencyLogError(error) }
    }

    /// Whether a file has these bytes already. Then they are made durable with what is written.
    func holds(_ path: String, _ bytes: [UInt8]) throws(TransparencyLogError) -> Bool {
        do throws(AgentIDError) {
            guard try files.read("\(directory)/\(path)", limit: EntryBundle.longestBundle) == bytes else {
                return false
            }
        } catch { throw TransparencyLogError(error) }
        written.append("\(directory)/\(path)")
        var parent = Files.split("\(directory)/\(path)").parent
        while parent.utf8.count >= directory.utf8.count {
            named.insert(parent.exact)
            parent = Files.split(parent).parent
        }
        return true
    }

    /// Makes all written files durable. One wait for the disk does most of it: the files are on their way.
    func sync() throws(TransparencyLogError) {
        do throws(AgentIDError) {
            for path in written { try files.sync(path) }
            for path in named.inByteOrder() { try files.sync(path) }
            written = []
        } catch { throw TransparencyLogError(error) }
    }
}

extension TransparencyLogError {
    /// Carries a file's error through the log.
    init(_ error: AgentIDError) {
        self.init(DiskFailure.isMeant(by: error) ? error.name : "file", error.message, at: error.place)
    }

    /// Whether it is a file's, and says nothing of the log.
    var isFile: Bool { name == "file" || name == "disk_full" || name == "read_only" }
}

extension AgentIDError {
    init(_ error: TransparencyLogError) {
        if error.isFile {
            self.init(.io, name: error.name, message: error.message, at: error.place)
        } else {
            self.init(
                .malformed, name: "audit_damaged", message: "the audit log is damaged: \(error.message)",
                at: error.place)
        }
    }
}

/// Runs code that reads or writes the tree, and turns its errors into ours.
func inAuditTree<Result>(_ body: () throws(TransparencyLogError) -> Result) throws(AgentIDError) -> Result {
    do throws(TransparencyLogError) { return try body() } catch { throw AgentIDError(error) }
}
