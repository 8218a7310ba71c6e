internal import JOSE
internal import Policy
internal import StrictJSON

/// Where a guard asks for approval, and looks whether it was given. Requests are in the registry: every process sees
/// them, and they survive it.
///
/// Asked only about calls that some rule refuses unless they are approved.
final class ApprovalDesk: Sendable {
    /// A registry that requests are written to, and whether events go to an audit log.
    private final class Opened: Sendable {
        let registry: any Registry
        let isLogging: Bool
        init(_ registry: any Registry, isLogging: Bool) { (self.registry, self.isLogging) = (registry, isLogging) }
    }

    private let directory: String?
    private let registry: any Registry
    private let onAsked: @Sendable () -> Void
    private let opened = LatestPlace()
    private let opening = Locked(())
    /// The longest wait for the registry in a call, in milliseconds.
    private static let patience = 1000
    /// The most looks at one call's request, while others ask about the same call and are approved.
    private static let mostLooks = 4

    /// - Parameters:
    ///   - directory: of the authority, which a guard may have opened only for reading; `nil` where there is none.
    ///   - registry: of a guard without a directory.
    ///   - onAsked: is told after each question, and must not wait.
    init(directory: String?, registry: any Registry, onAsked: @escaping @Sendable () -> Void = {}) {
        (self.directory, self.registry, self.onAsked) = (directory, registry, onAsked)
    }

    private func open() throws(AgentIDError) -> Opened {
        if let opened = opened.found(Opened.self) { return opened }
        return try opening.withLock { _ throws(AgentIDError) in
            if let found = opened.found(Opened.self) { return found }
            guard let directory else { return opened.replaced { _ in Opened(registry, isLogging: false) } }
            let place = try AuthorityDirectory(reading: directory)
            let made = Opened(try place.openRegistry(.write), isLogging: place.hasAuditLog)
            return opened.replaced { _ in made }
        }
    }

    /// The request of a call that was approved by as many people as the rule wants. Otherwise asks, once for each call, and
    /// throws the denial that names the request.
    ///
    /// - Parameters:
    ///   - now: in milliseconds since 1970.
    ///   - isRevoked: whether one of these was.
    func consent(
        to question: ApprovalQuestion, now: Int64, isRevoked: ([Revocation]) -> Bool
    ) throws(Denial) -> ApprovalRecord {
        guard question.call.arguments.count <= ApprovalRecord.longestArguments else {
            throw question.denial(
                "no approver can be shown arguments of more than \(ApprovalRecord.longestArguments) bytes")
        }
        let answer: Answer
        do throws(AgentIDError) { answer = try look(for: question, now: now, isRevoked: isRevoked) } catch {
            throw Self.unavailable(error)
        }
        switch answer {
        case .approved(let record): return record
        case .denied(let denial): throw denial
        }
    }

    private enum Answer: Sendable {
        case approved(ApprovalRecord)
        case denied(Denial)
    }

    private func look(
        for question: ApprovalQuestion, now: Int64, isRevoked: ([Revocation]) -> Bool
    ) throws(AgentIDError) -> Answer {
        let place = try open()
        for _ in 0..<Self.mostLooks {
            // Read first: what waits, and what finds no room, costs no transaction that others wait for.
            let found: (Answer?, stale: String?) = try place.registry.read { reader in
                guard let known = try reader.approval(ofCall: question.call.digest), known.expires > now else {
                    return (try Self.fullness(of: question, at: now, in: reader).map { .denied($0) }, nil)
                }
                if known.state == .approved,
                    try !Self.isApproved(known, question, now: now, in: reader, isRevoked: isRevoked)
                {
                    // Somebody who approved it may not any more: it is asked anew.
                    return (nil, known.id)
                }
                return (Self.answer(to: question, known), nil)
            }
            if let answer = found.0 { return answer }
            let asked = try place.registry.write(within: Self.patience) { writer in
                try ask(question, inPlaceOf: found.stale, now: now, isLogging: place.isLogging, in: writer)
            }
            guard let asked else { continue }
            onAsked()
            return asked
        }
        return .denied(question.denial("others ask about the same call at the same time: try again"))
    }

    /// Asks; `nil` where another thread or process did meanwhile, and has an approval, which nobody verified here.
    private func ask(
        _ question: ApprovalQuestion, inPlaceOf stale: String?, now: Int64, isLogging: Bool,
        in writer: any RegistryWriter
    ) throws(AgentIDError) -> Answer? {
        try writer.removeApprovals(lapsedBy: now)
        if let other = try writer.approval(ofCall: question.call.digest) {
            guard let stale, other.id.isSame(as: stale) else {
                return other.state == .approved ? nil : Self.answer(to: question, other)
            }
            _ = try writer.removeApproval(other.id)
        }
        if let full = try Self.fullness(of: question, at: now, in: writer) { return .denied(full) }
        let request = question.request(at: now)
        try writer.put(request)
        try Self.record(.asked, of: request, at: now, isLogging: isLogging, in: writer)
        return Self.answer(to: question, request)
    }

    private static func answer(to question: ApprovalQuestion, _ request: ApprovalRecord) -> Answer {
        switch request.state {
        case .approved: return .approved(request)
        case .pending: return .denied(question.denial("it waits for approval", request: request.id))
        case .refused:
            let reason = "approval_refused"
            let who = request.refusedBy ?? "an approver"
            return .denied(question.denial("\(who) refused it", reason: reason, request: request.id))
        }
    }

    /// The denial where no more requests are taken.
    private static func fullness(
        of question: ApprovalQuestion, at now: Int64, in reader: any RegistryReader
    ) throws(AgentIDError) -> Denial? {
        let counts = try reader.approvalCounts(of: question.call.task, at: now)
        if counts.ofTask >= ApprovalRecord.mostOfTask {
            return question.denial("\(ApprovalRecord.mostOfTask) calls of this task have been asked about already")
        }
        guard counts.inAll < ApprovalRecord.most else {
            return question.denial("\(ApprovalRecord.most) calls have been asked about already")
        }
        guard counts.inAll >= ApprovalRecord.mostOfPrincipal, let principal = question.principal,
            try reader.approvalCount(ofPrincipal: principal, at: now) >= ApprovalRecord.mostOfPrincipal
        else { return nil }
        return question.denial(
            "\(ApprovalRecord.mostOfPrincipal) calls for this principal have been asked about already")
    }

    // MARK: Verifying

    /// Whether enough different people approved exactly this call, all of whom still may.
    private static func isApproved(
        _ request: ApprovalRecord, _ question: ApprovalQuestion, now: Int64, in reader: any RegistryReader,
        isRevoked: ([Revocation]) -> Bool
    ) throws(AgentIDError) -> Bool {
        guard let approval = question.rule.approval else { return false }
        return try isApproved(
            request, of: question.call.signed(request: request.id, expires: request.expires).canonical(),
            under: approval, of: question.policy, now: now
        ) { approver throws(AgentIDError) in
            isRevoked(approver.revocable)
                ? false : try !approver.isAgent(of: question.call.chain, keys: question.keys, in: reader)
        }
    }

    /// - Parameters:
    ///   - call: what was asked, in canonical form.
    ///   - mayApprove: whether one of them still may.
    static func isApproved(
        _ request: ApprovalRecord, of call: [UInt8], under approval: Approval, of policy: ActivePolicy, now: Int64,
        mayApprove: (ApproverKeys.Entry) throws(AgentIDError) -> Bool
    ) throws(AgentIDError) -> Bool {
        var people: [ExactText] = []
        for token in request.tokens {
            let read = try? ApprovalToken(
                verifying: Array(token.utf8), of: call, by: policy.approvers, named: approval.approvers,
                now: now / 1000)
            guard let approver = read?.approver, !people.contains(approver.name), try mayApprove(approver) else {
                continue
            }
            people.append(approver.name)
        }
        return people.count >= approval.needed
    }

    /// Uses what was approved: for this call alone, in one transaction, which no other call and no power cut undoes. The
    /// memory of proofs would not do: it forgets after minutes, and an approval may be good for days.
    /// - Parameter also: Written in the same transaction.
    func use(
        _ requests: [ApprovalRecord], now: Int64, also: (any RegistryWriter) throws -> Void = { _ in }
    ) throws(Denial) {
        let areUsed: Bool
        do throws(AgentIDError) {
            let place = try open()
            areUsed = try place.registry.write(within: Self.patience) { writer in
                for request in requests {
                    guard try writer.approval(request.id) == request else { return false }
                }
                for request in requests {
                    _ = try writer.removeApproval(request.id)
                    try Self.record(.used, of: request, at: now, isLogging: place.isLogging, in: writer)
                }
                try also(writer)
                return true
            }
        } catch { throw Self.unavailable(error) }
        guard areUsed else {
            throw Denial("approval_required", "another call used its approval: ask again", at: "policy")
        }
    }

    /// Gives back what was used by a call that was denied after all. What has lapsed, or was asked anew, stays used; so does
    /// what cannot be given back: that only asks once more.
    func giveBack(_ requests: [ApprovalRecord], now: Int64) {
        guard let place = try? open() else { return }
        try? place.registry.write(within: Self.patience) { writer in
            for request in requests where request.expires > now {
                guard try writer.approval(ofCall: request.call) == nil else { continue }
                try writer.put(request)
                try Self.record(.approved, of: request, at: now, isLogging: place.isLogging, in: writer)
            }
        }
    }

    private static func unavailable(_ error: AgentIDError) -> Denial {
        Denial("approval_unavailable", "nobody can be asked to approve this call: \(error)", at: "policy")
    }
}

/// The steps of a request that the audit log and hooks are told of.
enum ApprovalStep: String { case asked, approved, refused, used }

extension ApproverKeys.Entry {
    /// Whatever ends it when it is revoked.
    var revocable: [Revocation] {
        [Revocation(unchecked: .key, thumbprint), Revocation(unchecked: .principal, name.string)]
    }

    /// Whether this is an agent that the call runs through, or one that it could act through: whatever stands below the
    /// root's agent, or has a key that holds a link or is an agent's.
    ///
    /// - Parameters:
    ///   - chain: the IDs of the call's agents, root first.
    ///   - keys: the thumbprints of the keys that hold its links.
    func isAgent(of chain: [String], keys: [String], in reader: any RegistryReader) throws(AgentIDError) -> Bool {
        if chain.contains(where: { $0.isSame(as: name.string) }) || keys.contains(where: { $0.isSame(as: thumbprint) })
        {
            return true
        }
        if let root = chain.first, SPIFFEID.isUnder(name.string, root) { return true }
        return try !reader.holders(of: thumbprint, limit: 1).isEmpty
    }
}
