internal import JOSE

/// The identity of a log: its origin, and a random name that was drawn when the log was made.
///
/// It keeps segments of another authority's log, and those of an earlier log of this name, from being taken for this
/// log's.
struct AuditIdentity: Sendable, Equatable {
    /// The part that headers of segments hold.
    let tag: SIMD2<UInt64>
    /// The name, as the registry keeps it.
    var name: String {
        String(
            decoding: ByteWriter.bytes(32) { digits in
                digits.put(hexadecimal: tag.x)
                digits.put(hexadecimal: tag.y)
            }, as: UTF8.self)
    }
    /// The directory itself: a copy restored under this name is a different one.
    private let place: FileIdentity?

    static let path = "identity"
    private static let size = 32

    /// The name of a trust domain's log in its checkpoints.
    static func origin(of trustDomain: TrustDomain) -> String { "\(trustDomain.name)/audit" }

    private init(_ name: [UInt8], origin: String, in place: FileIdentity?) {
        self.place = place
        let digest = Sodium.sha256((Array(origin.utf8) + [0] + name).span)
        tag = SIMD2(digest.span.word(at: 0) ?? 0, digest.span.word(at: 8) ?? 0)
    }

    /// Reads the identity of the log in a directory; `nil` if it has none, as older logs do not.
    init?(reading directory: String, origin: String, files: any AuditFiles) throws(AgentIDError) {
        guard let name = try files.read("\(directory)/\(Self.path)", limit: 4096) else { return nil }
        guard name.count == Self.size else {
            throw AgentIDError(
                .malformed, name: "audit_damaged",
                message: "the audit log is damaged: audit/identity is not \(Self.size) bytes; restore it",
                at: "\(directory)/\(Self.path)")
        }
        self.init(name, origin: origin, in: files.held?.identity ?? FileIdentity(at: directory))
    }

    /// Reads the identity of the log in a directory, or makes one.
    static func make(in directory: String, origin: String, files: any AuditFiles) throws(AgentIDError) -> AuditIdentity
    {
        if let found = try AuditIdentity(reading: directory, origin: origin, files: files) { return found }
        let digits = ByteWriter.bytes(size) { digits in
            let drawn = Sodium.sipHashKey()
            digits.put(hexadecimal: drawn.x)
            digits.put(hexadecimal: drawn.y)
        }
        // The name appears whole or not at all, and the first process to come names the log.
        let temporary = "\(directory)/\(path).\(UUIDv7.make(at: 0))"
        try files.write(temporary, digits)
        try files.sync(temporary)
        try Files.renameUnlessPresent(temporary, to: "\(directory)/\(path)", in: files.held)
        try files.sync(directory)
        guard let made = try AuditIdentity(reading: directory, origin: origin, files: files) else {
            throw AuditSegment.unavailable("cannot name the log in \(directory)", 0)
        }
        return made
    }

    /// Throws if the directory holds another log by now: nothing of this one belongs there.
    func check(in directory: String, origin: String, files: any AuditFiles) throws(AgentIDError) {
        if let breach = try breach(in: directory, origin: origin, files: files) { throw breach }
    }

    /// The fault, if the directory holds another log by now; `nil` otherwise.
    func breach(in directory: String, origin: String, files: any AuditFiles) throws(AgentIDError) -> AgentIDError? {
        let path = "\(directory)/\(Self.path)"
        guard let look = try FileLook.find(directory) else { return Apart.log("its directory is gone", at: directory) }
        guard let name = try files.read(path, limit: 4096) else { return Apart.log("its name is gone", at: path) }
        guard name.count == Self.size else { return Apart.log("its name is damaged", at: path) }
        let there = AuditIdentity(name, origin: origin, in: look.identity)
        return there == self ? nil : Apart.log("another one is in its place", at: path)
    }
}
