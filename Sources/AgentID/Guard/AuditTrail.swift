internal import JOSE
internal import StrictJSON
internal import Synchronization

/// Records each decision of a guard before the guard returns it.
final class AuditTrail: Sendable {
    /// `nil` where the log could not be opened and the policy says to go on.
    let log: AuditLog?
    let isStrict: Bool
    /// Keys the digests of arguments: the log says that two calls had the same ones, and not what they were.
    private let digestKey: GuardedBytes?
    /// Names this process in its decisions' IDs.
    private let process: AuditProcess
    private let made = Atomic<UInt64>(0)
    private let lost = LostDecisions()

    init(_ log: AuditLog?, isStrict: Bool, digestKey: GuardedBytes?) {
        (self.log, self.isStrict, self.digestKey) = (log, isStrict, digestKey)
        process = AuditProcess()
    }

    /// Whether a decision is on the disk before it is answered.
    var isDurable: Bool { isStrict && log?.isDurable == true }

    /// The number of decisions that could not be recorded, including those denied for that reason.
    var unrecorded: Int { lost.count + (log?.vanished ?? 0) }

    /// Writes a decision down and gives it its ID. Throws where it must not be returned as it is.
    ///
    /// - Parameter arguments: Reads the call's arguments, where they are needed and were not read before.
    func record(
        _ decision: inout Decision, arguments: () -> JSON.Value?, by mark: AuditMark, sequence: Int64
    ) throws(Denial) {
        do throws(AgentIDError) {
            guard let log else { throw AuditSegment.unavailable("it could not be opened", 0) }
            if let denial = decision.denial {
                decision.record = try record(denial, of: decision, arguments, mark, sequence, in: log)
                return
            }
            let number = made.add(1, ordering: .relaxed).newValue
            var cut = AuditCut()
            let facts = facts(of: decision, number: number, arguments: arguments(), sequence: sequence, &cut)
            let context = decision.auditContext
            if cut.isEmpty, decision.wouldDeny == nil {
                try log.append(facts, context, mark)
            } else {
                try log.append(
                    AuditDecisionLine(nil, context, facts, mark, cut, wouldDeny: decision.observed).bytes)
            }
            decision.record = AuditRecord(process: process, number: number)
        } catch {
            lost.add(1)
            ProcessLog.write(
                .error, .auditEntries, error.name,
                "a decision is not in the audit log, and \(isStrict ? "denied for it" : "stands all the same"): "
                    + error.message)
            guard isStrict else { return }
            if let apart = log?.apart { throw Denial(apart.name, apart.message, at: "audit") }
            throw Denial("audit_unavailable", error.message, at: "audit")
        }
    }

    /// Writes a denial down, or counts it where there are many: where it stands.
    private func record(
        _ denial: Denial, of decision: Decision, _ arguments: () -> JSON.Value?, _ mark: AuditMark, _ sequence: Int64,
        in log: AuditLog
    ) throws(AgentIDError) -> AuditRecord {
        let sample = AuditFlood.Sample(
            denial, on: decision.tool, at: decision.time, chain: decision.chain, guardian: mark.guardian)
        let number = made.add(1, ordering: .relaxed).newValue
        // One that stops an agent is an entry of its own.
        if decision.stop == nil {
            switch log.flood.take(sample, as: AuditRecord(process: process, number: number), lost: lost) {
            case .counted(let record): return record
            case .single: break
            }
        }
        var cut = AuditCut()
        let facts = facts(of: decision, number: number, arguments: arguments(), sequence: sequence, &cut)
        try log.append(AuditDecisionLine(denial, decision.auditContext, facts, mark, cut, stop: decision.stop).bytes)
        return AuditRecord(process: process, number: number)
    }

    /// The part that all entries of a guard share.
    func mark(of audience: String?) -> AuditMark { AuditMark(audience, process) }

    /// Writes down how a call went, and the labels that its tool reported.
    ///
    /// - Throws: `decision` for what is not a decision's ID, and for one that this guard has not made. One of another guard
    ///   is taken as it is: its entry may come into the log later.
    func report(_ outcome: String, labels: [String] = [], of decision: String, at time: Int64) throws(AgentIDError) {
        guard AuditRecord.couldBe(decision, by: process, made: made.load(ordering: .relaxed)) else {
            throw AgentIDError(
                .argument, name: "decision",
                message: "no decision has this ID: give the whole of what the decision says", at: "decision")
        }
        var members: JSONTree.Members = [
            "decision": .string(decision), "kind": "outcome", "outcome": .string(outcome), "time_ms": .int(Int(time)),
        ]
        if !labels.isEmpty { members["labels"] = .array(labels.map { .string($0) }) }
        try log?.append(JSONTree.object(members).canonical())
    }

    /// Writes down an event that is in no transaction.
    func record(event line: [UInt8]) {
        do throws(AgentIDError) {
            guard let log else { throw AuditSegment.unavailable("it could not be opened", 0) }
            try log.append(line)
        } catch {
            lost.add(1)
            ProcessLog.write(.error, .auditEntries, error.name, "an event is not in the audit log: \(error.message)")
        }
    }

    /// The call's facts: the names of its arguments, never their values, and its tool.
    private func facts(
        of decision: Decision, number: UInt64, arguments: JSON.Value?, sequence: Int64, _ cut: inout AuditCut
    ) -> AuditFacts {
        var text: [UInt8] = []
        text.reserveCapacity(256)
        var digest: SIMD2<UInt64>?
        if let arguments {
            let (most, longest) = (AuditBounds.arguments, AuditBounds.argument)
            digest = self.digest(of: arguments, in: &text)
            text.removeAll(keepingCapacity: true)
            if arguments.appendNames(most: most, longest: longest, to: &text) {
                let left = arguments.namesLeftOut(most: most, longest: longest)
                cut.leaveOut(left.count, of: "arguments", hash: AuditCut.hash(left.array.span))
            }
        }
        let argumentsCount = text.count
        JCS.appendString(cut.fit(decision.tool, AuditBounds.tool, as: "tool"), to: &text)
        return AuditFacts(
            number: number, sequence: sequence, time: decision.time, digest: digest, text: text,
            argumentsCount: argumentsCount)
    }

    /// A keyed digest of the arguments in canonical form, which is left in `text`.
    private func digest(of arguments: JSON.Value, in text: inout [UInt8]) -> SIMD2<UInt64>? {
        guard let digestKey else { return nil }
        arguments.appendCanonical(to: &text)
        return Sodium.sipHash(text.span, key: digestKey)
    }
}

extension Decision {
    /// The pieces of an entry about the chain, and about the policy that was in force.
    fileprivate var auditContext: AuditContext {
        guard let chain else { return .none }
        return plan?.with { $0.auditContext(of: chain) } ?? chain.auditContext
    }
}
