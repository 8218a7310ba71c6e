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
    func record(
        _ decision: inout Decision, arguments: JSON.Value?, by mark: AuditMark, sequence: Int64
    ) throws(Denial) {
        let number = made.add(1, ordering: .relaxed).newValue
        decision.record = AuditRecord(process: process, number: number)
        do throws(AgentIDError) {
            guard let log else { throw AuditSegment.unavailable("it could not be opened", 0) }
            let facts = facts(of: decision, number: number, arguments: arguments, sequence: sequence)
            if let denial = decision.denial {
                let line = line(of: denial, decision.chain?.auditContext ?? .none, facts, mark)
                try log.append(line)
            } else {
                try log.append(facts, decision.chain?.auditContext ?? .none, mark)
            }
        } catch {
            guard !isStrict else { throw Denial("audit_unavailable", error.message, at: "audit") }
            lost.add(1, ordering: .relaxed)
        }
    }

    /// What all entries of a guard say of it.
    func mark(of audience: String?) -> AuditMark { AuditMark(audience, process) }

    /// Writes down how a call went.
    func report(_ outcome: String, of decision: String, at time: Int64) throws(AgentIDError) {
        let tree: JSONTree = [
            "decision": .string(decision), "kind": "outcome", "outcome": .string(outcome), "time_ms": .int(Int(time)),
        ]
        try log?.append(tree.canonical())
    }

    /// What the call brings: the names of its arguments, never their values, and its tool.
    private func facts(
        of decision: Decision, number: UInt64, arguments: JSON.Value?, sequence: Int64
    ) -> AuditFacts {
        var text: [UInt8] = []
        text.reserveCapacity(256)
        var digest: SIMD2<UInt64>?
        if let arguments {
            digest = self.digest(of: arguments, in: &text)
            text.removeAll(keepingCapacity: true)
            arguments.appendNames(most: 64, longest: 256, to: &text)
        }
        let argumentsCount = text.count
        JCS.appendString(decision.tool, to: &text)
        return AuditFacts(
            number: number, sequence: sequence, time: decision.time, digest: digest, text: text,
            argumentsCount: argumentsCount)
    }

    /// A denial as a line (`docs/schemas/audit.json`), its members in JCS order as they stand.
    private func line(
        of denial: Denial, _ context: AuditContext, _ facts: AuditFacts, _ mark: AuditMark
    ) -> [UInt8] {
        let denial = AuditDenial(denial)
        let size = context.bytes.count + denial.count + facts.text.count + mark.bytes.count + AuditTemplate.mostAdded
        return ByteWriter.bytes(size + 64) { line in
            let pieces = context.bytes
            line.put(pieces.span.extracting(context.agent))
            line.put(denial.argument)
            facts.putArguments(to: &line)
            line.put(pieces.span.extracting(context.chain))
            line.put(#""decision":"deny","#)
            line.put(digest: facts.digest)
            line.put(mark.bytes)
            line.put(hexadecimal: facts.number)
            line.put("\",")
            line.put(pieces.span.extracting(context.intent))
            line.put(denial.link)
            line.put(pieces.span.extracting(context.owner))
            line.put(denial.place)
            line.put(pieces.span.extracting(context.principal))
            line.put(denial.reason)
            line.put(pieces.span.extracting(context.sequence))
            line.put(decimal: facts.sequence)
            line.put(pieces.span.extracting(context.task))
            line.put(decimal: facts.time)
            line.put(#","tool":"#)
            line.put(facts.text.span.extracting(facts.tool))
            line.put("}")
        }
    }

    /// A keyed digest of the arguments in canonical form, which is left in `text`.
    private func digest(of arguments: JSON.Value, in text: inout [UInt8]) -> SIMD2<UInt64>? {
        guard let digestKey else { return nil }
        arguments.appendCanonical(to: &text)
        return Sodium.sipHash(text.span, key: digestKey)
    }
}
