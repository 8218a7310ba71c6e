internal import AgentID
internal import CostCases
internal import Glibc
internal import JOSE
internal import Scopes

private func place() -> String {
    guard let path = scratchDirectory() else { fatalError("no directory") }
    return path
}

private func read(_ path: String) -> [UInt8] {
    guard let file = unsafe fopen(path, "r") else { return [] }
    defer { unsafe fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = unsafe bytes.withUnsafeMutableBytes { unsafe fread($0.baseAddress, 1, $0.count, file) }
    return Array(bytes[..<count])
}

private func names(in path: String) -> [String] {
    guard let directory = unsafe opendir(path) else { return [] }
    defer { unsafe closedir(directory) }
    var names: [String] = []
    while let entry = unsafe readdir(directory) {
        names.append(
            unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            })
    }
    return names
}

/// A segment that is anything whatever is integrated with gaps, and the log verifies and goes on.
final class SegmentTarget: FuzzTarget {
    private let directory = place()
    private let log: AuditLog
    /// A good segment: a header and a few lines.
    private let model: [UInt8]
    private let made = Locked(0)

    init() {
        do {
            let signer = try SigningKey.generate()
            var options = AuditOptions()
            (options.maxLine, options.segmentSize) = (1024, 8192)
            options.checkpointInterval = 3_600_000
            let origin = "acme.example/audit"
            log = try AuditLog.open(directory: directory, origin: origin, signer: signer, options: options)
            // Of the same name, and without steps: a copy of a segment that the log took itself is set aside.
            let apart = place()
            guard let file = unsafe fopen("\(apart)/identity", "w") else { fatalError("no identity") }
            let identity = read("\(directory)/identity")
            _ = unsafe identity.withUnsafeBytes { unsafe fwrite($0.baseAddress, 1, $0.count, file) }
            unsafe fclose(file)
            let writer = try AuditLog.open(directory: apart, origin: origin, signer: nil, options: options)
            for i in 0..<8 { try writer.append(Array(#"{"kind":"line","number":\#(i)}"#.utf8)) }
            let segments = "\(apart)/segments"
            model = names(in: segments).first { $0.hasSuffix(".seg") }.map { read("\(segments)/\($0)") } ?? []
            property(model.count == 8192, "a segment has its size")
        } catch { fatalError("no log: \(error)") }
    }

    func run(_ input: [UInt8]) {
        // Edits: two bytes of a place and the byte there; the first byte says how much is kept.
        guard let first = input.first else { return }
        var bytes = Array(model.prefix(first == 255 ? model.count : Int(first) * 33))
        var i = 1
        while i + 2 < input.count {
            let at = Int(input[i]) << 8 | Int(input[i + 1])
            if at < bytes.count { bytes[at] = input[i + 2] }
            i += 3
        }
        let number = made.withLock { made in
            made += 1
            return made
        }
        let digits = String(number, radix: 16)
        let name =
            "01890000-0000-7000-8000-\(String(repeating: "0", count: 12 - digits.utf8.count))\(digits)-00000001.seg"
        guard let file = unsafe fopen("\(directory)/segments/\(name)", "w") else { return }
        _ = unsafe bytes.withUnsafeBytes { unsafe fwrite($0.baseAddress, 1, $0.count, file) }
        unsafe fclose(file)
        do {
            try log.integrate()
            if number.isMultiple(of: 64), let key = log.key {
                let findings = try AuditReader(directory: directory, key: key).verify().findings
                property(
                    findings.allSatisfy { $0.message.contains("another log") || $0.message.contains("put back") },
                    "the log verifies, whatever it was given")
            }
        } catch { property(false, "integration goes on, whatever a segment holds") }
        for left in names(in: "\(directory)/segments")
        where left.hasSuffix(".torn") || left.hasSuffix(".foreign")
            || left.hasSuffix(".repeated")
        {
            _ = unsafe unlink("\(directory)/segments/\(left)")
        }
    }
}

/// Every call has an entry or is in a count, however long or odd what it brings is.
final class EntryTarget: FuzzTarget {
    private let directory = place()
    private let authority: Authority
    private let agent: Agent
    private let guardian: Guard
    private let calls = Locked(0)

    init() {
        do {
            var options = Authority.Options()
            options.trustDomain = "acme.example"
            authority = try Authority.open(directory: directory + "/acme", options: options)
            try authority.put(
                Profile(name: "p", owner: "team:x@acme.example", ceiling: Scope("search(query: *)")))
            agent = try authority.startAgent(
                profile: "p",
                AgentRequest(principal: "user:a@acme.example", task: "t", scope: Scope("search(query: *)")))
            var guarding = Guard.Options()
            guarding.audience = "files"
            guardian = try authority.guarding(guarding)
        } catch { fatalError("no world: \(error)") }
    }

    func run(_ input: [UInt8]) {
        // The first byte says how often the rest is repeated, the second where the tool ends.
        guard input.count > 2 else { return }
        let rest = Array(repeating: input.dropFirst(2), count: 1 + Int(input[0]) * 4).flatMap { $0 }
        let end = Int(input[1]) * rest.count / 256
        let tool = String(decoding: rest[..<end], as: UTF8.self)
        let arguments = Array(rest[end...])
        do {
            let own = try agent.check(tool: tool, arguments: arguments)
            let other = guardian.check(chain: arguments, proof: arguments, tool: tool, arguments: arguments)
            property(!own.id.isEmpty && !other.id.isEmpty, "every decision is recorded")
            let count = calls.withLock { calls in
                calls += 1
                return calls
            }
            guard count.isMultiple(of: 256) else { return }
            try authority.integrate()
            let text = guardian.statistics().text
            property(text.contains(#""unrecorded":0"#), "no decision is lost")
        } catch { property(false, "every call is a decision") }
    }
}
