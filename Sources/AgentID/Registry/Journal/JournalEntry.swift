internal import StrictJSON

/// One line of the journal: a change that must be in force before anybody has the registry's write lock.
///
/// A line is `<checksum> <JSON>`, between line feeds: the remains of a torn write end at the next one.
package struct JournalEntry: Sendable {
    package enum Change: Equatable, Sendable {
        case revoke(Revocation)
        /// A principal or profile is revoked, and every agent of it ends.
        case endAll(of: Revocation)
        /// An agent and all below it are suspended.
        case suspend(agent: String)
        /// An agent ends with all below it.
        case end(agent: String)

        package static func == (one: Change, other: Change) -> Bool {
            switch (one, other) {
            case (.revoke(let one), .revoke(let other)), (.endAll(let one), .endAll(let other)): one == other
            case (.suspend(let one), .suspend(let other)), (.end(let one), .end(let other)): one.isSame(as: other)
            default: false
            }
        }
    }

    let change: Change
    let reason: String
    /// The time of the decision, in milliseconds since 1970.
    let time: Int64

    /// The line, with a line feed on either side. `seed` is the file's own: another file's line does not match it.
    func line(seed: UInt64) -> [UInt8] {
        var members: JSONTree.Members = ["reason": .string(reason), "time_ms": .int(Int(time))]
        switch change {
        case .revoke(let revocation):
            members["revoke"] = .string(revocation.kind.name)
            members["value"] = .string(revocation.value)
        case .endAll(let revocation):
            members["revoke"] = .string(revocation.kind.name)
            members["value"] = .string(revocation.value)
            members["agents"] = "end"
        case .suspend(let agent): members["suspend"] = .string(agent)
        case .end(let agent): members["end"] = .string(agent)
        }
        let json = JSONTree.object(members).canonical()
        return [0x0A] + Self.checksum(json.span, seed: seed) + [0x20] + json + [0x0A]
    }

    /// Reads a line without its line feeds; `nil` for one that is torn or damaged.
    init?(reading line: Span<UInt8>, seed: UInt64) {
        guard line.count > Self.prefix, line[Self.prefix - 1] == 0x20 else { return nil }
        let json = line.extracting(Self.prefix..<line.count)
        let checksum = Self.checksum(json, seed: seed)
        guard line.extracting(0..<Self.prefix - 1).hasSameBytes(as: checksum.span) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(json.count)
        for i in json.indices { bytes.append(json[i]) }
        guard let root = try? JSON(parsing: bytes, limits: .init(bytes: Journal.mostLine, depth: 4)).root,
            let time = root["time_ms"]?.int, let reason = root["reason"]?.string
        else { return nil }
        if let kind = root["revoke"]?.string.flatMap({ Revocation.Kind(name: $0) }), let value = root["value"]?.string,
            !value.isEmpty
        {
            // Checked when it was written, by the rules of that time: it stays in force.
            let revocation = Revocation(unchecked: kind, value)
            change = root["agents"]?.equals("end") == true ? .endAll(of: revocation) : .revoke(revocation)
        } else if let agent = root["suspend"]?.string {
            change = .suspend(agent: agent)
        } else if let agent = root["end"]?.string {
            change = .end(agent: agent)
        } else {
            return nil
        }
        (self.reason, self.time) = (reason, Int64(time))
    }

    init(_ change: Change, reason: String, time: Int64) {
        (self.change, self.reason, self.time) = (change, reason, time)
    }

    private static let prefix = 17

    private static func checksum(_ json: Span<UInt8>, seed: UInt64) -> [UInt8] {
        let hash = unsafe json.withUnsafeBytes { unsafe XXH64.hash($0, seed: seed) }
        let digits = Array("0123456789abcdef".utf8)
        return (0..<16).map { digits[Int(truncatingIfNeeded: hash >> UInt64(60 - 4 * $0) & 15)] }
    }
}
