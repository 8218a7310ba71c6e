internal import JOSE
internal import StrictJSON
internal import TransparencyLog

/// The progress of integration, and the last step in enough detail to repeat it.
struct AuditSequence: Sendable, Equatable {
    static let version = 1
    /// The largest document, in bytes, for both writing and reading.
    static let largest = 16 << 20

    /// A tree's size and root.
    struct Head: Sendable, Equatable {
        var size: UInt64 = 0
        var root = MerkleHash.empty
    }

    /// The source of an entry of the last step, in their order.
    enum Source: Sendable, Equatable {
        /// The lines of a segment between two positions.
        case lines(segment: AuditSegmentName, from: Int, to: Int, count: Int)
        /// A line of the sequencer's own.
        case own([UInt8])
    }

    enum State: String, Sendable {
        /// More may follow.
        case open
        /// All of it is integrated and nothing can follow: the file may be removed.
        case done
        /// As `done`, with bytes at its end that were not a line: the file is kept under another name.
        case torn
        /// A segment of another log: treated as `torn`.
        case foreign
        /// A segment that was integrated before and was put back: treated as `torn`.
        case repeated
        /// Gone, though more might have followed. If it is put back, the rest of it is taken.
        case missing

        /// Whether lines are taken from the segment, if it is there.
        var isOpen: Bool { self == .open || self == .missing }
    }

    struct Segment: Sendable, Equatable {
        var name: AuditSegmentName
        var position: Int
        var state: State
    }

    /// The keys that may have signed the present checkpoint: this one's, and the one before a rotation.
    @Exact var keys: [String]
    /// The head before the last step and the head after it.
    var before = Head()
    var after = Head()
    var sources: [Source] = []
    /// The number of the last outbox line that is integrated.
    var outbox: Int64 = 0
    /// The state of the registry that holds those lines.
    var registry: RegistryReach?
    /// The number of steps committed, from 1. It wraps, past 0.
    var step: UInt32 = 1
    /// Every segment that is not wholly integrated, or not removed yet: also those that have no line yet.
    var segments: [Segment] = []

    init(key: NoteKey) { keys = [key.description] }

    private var tree: JSONTree {
        func tree(_ head: Head) -> JSONTree {
            ["root": .string(Base64URL.encode(head.root.bytes)), "size": .int(Int(clamping: head.size))]
        }
        return [
            "version": .int(Self.version), "keys": .array(keys.map { .string($0) }), "before": tree(before),
            "after": tree(after), "outbox": .int(Int(outbox)), "step": .int(Int(step)),
            "registry": registry.map { ["epoch": .string($0.epoch), "writes": .int(Int($0.writes))] } ?? .null,
            "sources": .array(
                sources.map { source in
                    switch source {
                    case .lines(let segment, let from, let to, let count):
                        [
                            "segment": .string(segment.description), "from": .int(from), "to": .int(to),
                            "count": .int(count),
                        ]
                    case .own(let line): ["line": .string(Base64URL.encode(line))]
                    }
                }),
            "segments": .array(
                segments.map {
                    [
                        "name": .string($0.name.description), "position": .int($0.position),
                        "state": .string($0.state.rawValue),
                    ]
                }),
        ]
    }

    /// Throws if a registry is older than the state recorded in this log, or is another one.
    func checkRegistry(_ there: RegistryReach) throws(AgentIDError) {
        guard let registry else { return }
        guard registry.epoch.isSame(as: there.epoch) else {
            throw Apart.registry("it is not the registry that the audit log belongs to", at: "registry.db")
        }
        guard there.writes >= registry.writes else {
            throw Apart.rolledBack(
                "it has seen \(there.writes) of the \(registry.writes) changes that the audit log knows of",
                at: "registry.db")
        }
    }

    /// The document, with a digest: a flipped bit in it must not lose or repeat entries.
    var bytes: [UInt8] {
        let tree = tree
        let document: JSONTree = ["digest": .string(Self.digest(tree.canonical())), "sequence": tree]
        return document.canonical()
    }

    /// The number of the last step, as recorded beside a directory of segments; 0 if it cannot be read.
    static func step(beside segments: String, files: any AuditFiles) -> UInt32 {
        let path = "\(Files.split(segments).parent)/\(AuditSequencer.sequencePath)"
        let bytes = try? files.read(path, limit: largest)
        return bytes.flatMap { try? AuditSequence(parsing: $0) }?.step ?? 0
    }

    private static func digest(_ bytes: [UInt8]) -> String { Base64URL.encode(Sodium.sha256(bytes.span)) }

    init(parsing bytes: [UInt8]) throws(AgentIDError) {
        let damaged = AgentIDError(
            .malformed, name: "audit_damaged",
            message: "audit/sequence is damaged: it says how far segments are integrated; restore it",
            at: "audit/sequence")
        guard let root = try? JSON(parsing: bytes, limits: .init(bytes: Self.largest)).root,
            let body = root["sequence"],
            root["digest"]?.equals(Self.digest(body.canonical())) == true
        else { throw damaged }
        guard body["version"]?.int == Self.version else {
            throw AgentIDError(
                .version, name: "newer_state", message: "audit/sequence is of another version of the library",
                at: "audit/sequence")
        }
        guard let keys = body["keys"], let before = Self.head(body["before"]), let after = Self.head(body["after"]),
            let sources = body["sources"], let outbox = body["outbox"]?.int, outbox >= 0,
            let segments = body["segments"]
        else { throw damaged }
        self.keys = keys.elements.compactMap(\.string)
        self.before = before
        self.after = after
        self.outbox = Int64(outbox)
        // 1: from before steps were counted.
        guard let step = UInt32(exactly: body["step"]?.int ?? 1) else { throw damaged }
        self.step = step
        if let registry = body["registry"], registry.kind == .object {
            guard let epoch = registry["epoch"]?.string, let writes = registry["writes"]?.int else { throw damaged }
            self.registry = RegistryReach(epoch: epoch, writes: Int64(writes))
        }
        for source in sources.elements {
            guard let read = Self.source(source) else { throw damaged }
            self.sources.append(read)
        }
        for segment in segments.elements {
            guard let name = segment["name"]?.string.flatMap({ AuditSegmentName($0) }),
                let position = segment["position"]?.int,
                let state = segment["state"]?.string.flatMap({ State(rawValue: $0) })
            else { throw damaged }
            self.segments.append(Segment(name: name, position: position, state: state))
        }
    }

    private static func head(_ value: JSON.Value?) -> Head? {
        guard let size = value?["size"]?.int, size >= 0, let text = value?["root"]?.string,
            let bytes = try? Base64URL.decode(text), let root = MerkleHash(bytes)
        else { return nil }
        return Head(size: UInt64(size), root: root)
    }

    private static func source(_ value: JSON.Value) -> Source? {
        if let text = value["line"]?.string { return (try? Base64URL.decode(text)).map { .own($0) } }
        guard let name = value["segment"]?.string.flatMap({ AuditSegmentName($0) }), let from = value["from"]?.int,
            let to = value["to"]?.int, let count = value["count"]?.int, from >= 0, to >= from, count >= 0
        else { return nil }
        return .lines(segment: name, from: from, to: to, count: count)
    }
}
