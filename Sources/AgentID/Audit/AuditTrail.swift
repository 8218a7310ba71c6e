internal import JOSE
internal import Synchronization

/// What a guard writes down of each decision before it returns it.
final class AuditTrail: Sendable {
    /// `nil` where the log could not be opened and the policy says to go on.
    let log: AuditLog?
    let isStrict: Bool
    /// Keys the digests of arguments: the log says that two calls had the same ones, and not what they were.
    private let digestKey: GuardedBytes?
    /// Names this process in its decisions' IDs.
    private let process: AuditProcess
    private let made = Atomic<UInt64>(0)
    private let lost = Atomic<Int>(0)

    init(_ log: AuditLog?, isStrict: Bool, digestKey: GuardedBytes?) {
        (self.log, self.isStrict, self.digestKey) = (log, isStrict, digestKey)
        process = AuditProcess()
    }

    /// How many decisions were returned without having been written down.
    var unrecorded: Int { lost.load(ordering: .relaxed) }

    /// Writes a decision down and gives it its ID. Throws where it must not be returned as it is.
    ///
    /// - Parameter guardian: `,"guard":…`, empty where the guard has no name.
    func record(
        _ decision: inout Decision, arguments: JSON.Value?, by guardian: [UInt8], sequence: Int64
    ) throws(Denial) {
        let number = made.add(1, ordering: .relaxed).newValue
        decision.record = AuditRecord(process: process, number: number)
        do throws(AgentIDError) {
            guard let log else { throw AuditSegment.unavailable("it could not be opened", 0) }
            try log.append(
                line(of: decision, number: number, arguments: arguments, by: guardian, sequence: sequence))
        } catch {
            guard !isStrict else { throw Denial("audit_unavailable", error.message, at: "audit") }
            lost.add(1, ordering: .relaxed)
        }
    }

    /// Writes down how a call went.
    func report(_ outcome: String, of decision: String, at time: Int64) throws(AgentIDError) {
        let tree: JSONTree = [
            "decision": .string(decision), "kind": "outcome", "outcome": .string(outcome), "time_ms": .int(Int(time)),
        ]
        try log?.append(tree.canonical())
    }

    /// The decision as a line (`docs/schemas/audit.json`), its members in JCS order as they stand: one is written at every
    /// call, so its pieces are made beforehand where they can be, and it is written in one go.
    private func line(
        of decision: Decision, number: UInt64, arguments: JSON.Value?, by guardian: [UInt8], sequence: Int64
    ) -> [UInt8] {
        let context = decision.chain?.auditContext
        let denial = decision.denial.map(AuditDenial.init)
        let names = arguments.map(Self.names) ?? []
        let digest = arguments.flatMap(digest)
        var tool: [UInt8] = []
        JCS.appendString(decision.tool, to: &tool)
        let size = (context?.count ?? 0) + (denial?.count ?? 0) + names.count + tool.count + guardian.count
        return ByteWriter.bytes(size + Self.fixedSize) { line in
            if let context, !context.agent.isEmpty {
                line.put(context.agent)
            } else {
                line.put(#"{"v":1"#)
            }
            if let denial { line.put(denial.argument) }
            line.put(names)
            if let context { line.put(context.chain) }
            line.put(denial == nil ? #","decision":"permit""# : #","decision":"deny""#)
            if let digest {
                line.put(#","digest":""#)
                line.put(hexadecimal: digest.x)
                line.put(hexadecimal: digest.y)
                line.put(#"""#)
            }
            line.put(guardian)
            line.put(#","id":""#)
            process.put(number, to: &line)
            line.put(#"""#)
            if let context { line.put(context.intent) }
            line.put(#","kind":"decision""#)
            if let denial { line.put(denial.link) }
            if let context { line.put(context.owner) }
            if let denial { line.put(denial.place) }
            if let context { line.put(context.principal) }
            if let denial { line.put(denial.reason) }
            line.put(#","sequence":"#)
            line.put(decimal: sequence)
            if let context { line.put(context.task) }
            line.put(#","time_ms":"#)
            line.put(decimal: decision.time)
            line.put(#","tool":"#)
            line.put(tool)
            line.put("}")
        }
    }

    /// More than the pieces that are the same in every line take.
    private static let fixedSize = 320

    /// `,"arguments":[…]`: the names of a call's arguments, at most 64 of them, never their values.
    private static func names(of arguments: JSON.Value) -> [UInt8] {
        var names = Array(#","arguments":["#.utf8)
        var count = 0
        for member in arguments.members where count < 64 && member.name.sourceLength <= 256 {
            if count > 0 { names.append(UInt8(ascii: ",")) }
            member.name.appendCanonical(to: &names)
            count += 1
        }
        names.append(UInt8(ascii: "]"))
        return names
    }

    /// A keyed digest of the arguments in canonical form.
    func digest(of arguments: JSON.Value) -> SIMD2<UInt64>? {
        guard let digestKey else { return nil }
        let canonical = arguments.canonical()
        return Sodium.sipHash(canonical.span, key: digestKey)
    }
}
