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
    /// - Parameter guardian: What ``mark(of:)`` says of the guard.
    func record(
        _ decision: inout Decision, arguments: JSON.Value?, by guardian: [UInt8], sequence: Int64
    ) throws(Denial) {
        let number = made.add(1, ordering: .relaxed).newValue
        decision.record = AuditRecord(process: process, number: number)
        do throws(AgentIDError) {
            guard let log else { throw AuditSegment.unavailable("it could not be opened", 0) }
            try withLine(of: decision, number: number, arguments: arguments, by: guardian, sequence: sequence) {
                line throws(AgentIDError) in try log.append(line)
            }
        } catch {
            guard !isStrict else { throw Denial("audit_unavailable", error.message, at: "audit") }
            lost.add(1, ordering: .relaxed)
        }
    }

    /// `"guard":…,"id":"…`, for all entries of a guard: its name, where it has one, and the start of their IDs.
    func mark(of audience: String?) -> [UInt8] {
        AuditContext.member("guard", audience) + Array(#""id":""#.utf8) + process.name
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
    private func withLine(
        of decision: Decision, number: UInt64, arguments: JSON.Value?, by guardian: [UInt8], sequence: Int64,
        _ body: (Span<UInt8>) throws(AgentIDError) -> Void
    ) throws(AgentIDError) {
        let context = decision.chain?.auditContext ?? .none
        let denial = decision.denial.map(AuditDenial.init)
        // What the call brings: the names of its arguments, never their values, and its tool.
        var text: [UInt8] = []
        text.reserveCapacity(256)
        var digest: SIMD2<UInt64>?
        if let arguments {
            digest = self.digest(of: arguments, in: &text)
            text.removeAll(keepingCapacity: true)
            text.append(contentsOf: #""arguments":"#.utf8)
            arguments.appendNames(most: 64, longest: 256, to: &text)
            text.append(UInt8(ascii: ","))
        }
        let names = 0..<text.count
        JCS.appendString(decision.tool, to: &text)
        let tool = names.upperBound..<text.count
        let size = context.bytes.count + (denial?.count ?? 0) + text.count + guardian.count + Self.fixedSize
        let pieces = context.bytes
        func write(_ line: inout ByteWriter) {
            line.put(pieces.span.extracting(context.agent))
            if let denial { line.put(denial.argument) }
            line.put(text.span.extracting(names))
            line.put(pieces.span.extracting(denial == nil ? context.permittedChain : context.chain))
            if denial != nil { line.put(#""decision":"deny","#) }
            if let digest {
                line.put(#""digest":""#)
                line.put(hexadecimal: digest.x)
                line.put(hexadecimal: digest.y)
                line.put("\",")
            }
            line.put(guardian)
            line.put(hexadecimal: number)
            line.put("\",")
            if let denial {
                line.put(pieces.span.extracting(context.intent))
                line.put(denial.link)
                line.put(pieces.span.extracting(context.owner))
                line.put(denial.place)
                line.put(pieces.span.extracting(context.principal))
                line.put(denial.reason)
                line.put(pieces.span.extracting(context.sequence))
            } else {
                line.put(pieces.span.extracting(context.permittedRest))
            }
            line.put(decimal: sequence)
            line.put(pieces.span.extracting(context.task))
            line.put(decimal: decision.time)
            line.put(#","tool":"#)
            line.put(text.span.extracting(tool))
            line.put("}")
        }
        try ByteWriter.withBytes(size, write, body)
    }

    /// More than the pieces take that are in no array.
    private static let fixedSize = 192

    /// A keyed digest of the arguments in canonical form, which is left in `text`.
    private func digest(of arguments: JSON.Value, in text: inout [UInt8]) -> SIMD2<UInt64>? {
        guard let digestKey else { return nil }
        arguments.appendCanonical(to: &text)
        return Sodium.sipHash(text.span, key: digestKey)
    }
}
