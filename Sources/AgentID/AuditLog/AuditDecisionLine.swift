internal import Policy
internal import StrictJSON

/// The whole entry of a decision: for denials, and for permits with parts that no template holds.
///
/// `docs/schemas/audit.json`; its members are in JCS order as they stand.
struct AuditDecisionLine {
    let denial: AuditDenial?
    let context: AuditContext
    let facts: AuditFacts
    let mark: AuditMark
    /// The cut parts of the call and of the denial.
    let cut: [UInt8]
    /// `,"would_deny":{…}`, or nothing: what a rule that is only observed would have denied.
    let observed: [UInt8]
    /// `,"stop":{…}`, or nothing: what became of the agent.
    let stop: [UInt8]

    init(
        _ denial: Denial?, _ context: AuditContext, _ facts: AuditFacts, _ mark: AuditMark, _ cut: AuditCut,
        wouldDeny: Denial? = nil, stop: AgentStop? = nil
    ) {
        var cut = cut
        self.stop = stop.map { Array(",\"stop\":".utf8) + $0.tree.canonical() } ?? []
        observed = wouldDeny.map { Array(",\"would_deny\":".utf8) + $0.observation.canonical() } ?? []
        self.denial = denial.map { AuditDenial($0, &cut) }
        (self.context, self.facts, self.mark, self.cut) = (context, facts, mark, cut.member)
    }

    var bytes: [UInt8] {
        let size =
            context.bytes.count + (denial?.count ?? 0) + facts.text.count + mark.bytes.count + cut.count
            + observed.count + stop.count + AuditTemplate.mostAdded + 64
        return ByteWriter.bytes(size) { line in
            let pieces = context.bytes
            line.put(pieces.span.extracting(context.agent))
            if let denial { line.put(denial.argument) }
            facts.putArguments(to: &line)
            line.put(pieces.span.extracting(context.chain))
            line.put(cut)
            if denial == nil { line.put(#""decision":"permit","#) } else { line.put(#""decision":"deny","#) }
            line.put(digest: facts.digest)
            line.put(mark.bytes)
            line.put(hexadecimal: facts.number)
            line.put("\",")
            line.put(pieces.span.extracting(context.intent))
            if let denial { line.put(denial.link) }
            line.put(pieces.span.extracting(context.owner))
            if let denial { line.put(denial.place) }
            line.put(pieces.span.extracting(context.principal))
            if let denial { line.put(denial.reason) }
            line.put(pieces.span.extracting(context.sequence))
            line.put(decimal: facts.sequence)
            line.put(stop)
            line.put(pieces.span.extracting(context.task))
            line.put(decimal: facts.time)
            line.put(#","tool":"#)
            line.put(facts.text.span.extracting(facts.tool))
            line.put(observed)
            line.put("}")
        }
    }
}

/// The part of an entry about a denial, as pieces of JSON.
struct AuditDenial {
    let argument: [UInt8]
    /// `"link":…,"message":…,`
    let link: [UInt8]
    let place: [UInt8]
    /// `"reason":…,`, and `"rule":…,` where a rule of the policy said no.
    let reason: [UInt8]

    init(_ denial: Denial, _ cut: inout AuditCut) {
        argument = AuditContext.member(
            "argument", cut.fit(optional: denial.argument, AuditBounds.argument, as: "argument"))
        let number = denial.link.map { Array("\"link\":\($0),".utf8) } ?? []
        link = number + AuditContext.member("message", cut.fit(denial.message, AuditBounds.message, as: "message"))
        let place = denial.place.isEmpty ? nil : denial.place
        self.place = AuditContext.member("place", cut.fit(optional: place, AuditBounds.place, as: "place"))
        reason =
            AuditContext.member("reason", denial.reason.rawValue) + AuditContext.member("rule", denial.rule)
    }

    var count: Int { argument.count + link.count + place.count + reason.count }
}

extension Denial {
    /// The verdict of a rule that is only observed: its ID is a short name.
    var observation: JSONTree {
        var members: JSONTree.Members = [
            "reason": .string(reason.rawValue), "rule": rule.map { .string($0) } ?? .null,
        ]
        if consequence.isStop { members["then"] = .string(consequence.rawValue) }
        return .object(members)
    }
}
