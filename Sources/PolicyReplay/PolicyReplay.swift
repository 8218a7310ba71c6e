package import AgentID
internal import Policy
package import StrictJSON

/// A policy's answers to the decisions of a log, as if it had been in force: they are read once, brought into the order of
/// their times, and answered by the clock of the log.
///
/// Memory is bounded, whatever the log's length: by the entries that wait for their turn, the last chains, and the meters
/// of the rules' own times.
package final class PolicyReplay {
    private let policy: ActivePolicy
    private let times: Range<Int64>
    private var judge: ReplayJudge
    private var totals = ReplayTotals()
    private var chains: [UInt64: ReplayChain] = [:]
    private var waiting: [ReplayRecord] = []
    /// Chains that were new since the last calls were answered.
    private var made = 0
    private var names = ReplayNames()
    private var latest = Int64.min
    private let labels: [ExactText: UInt64]
    /// Told of each answer to a call that came to the policy: the entry's index, and the answer.
    package var onVerdict: ((UInt64, ReplayVerdict) -> Void)?

    /// So many entries may come after one that is later, as processes write side by side.
    private static let window = 1 << 19
    private static let mostChains = 1 << 16

    /// - Parameter times: of the decisions that are asked about, in milliseconds since 1970.
    package init(_ policy: ActivePolicy, within times: Range<Int64> = .min..<Int64.max) {
        (self.policy, self.times) = (policy, times)
        judge = ReplayJudge(policy)
        var labels: [ExactText: UInt64] = [:]
        for (i, name) in policy.document.labels.names.enumerated() { labels[name] = 1 << UInt64(i) }
        self.labels = labels
    }

    /// Reads a log to its end.
    ///
    /// - Parameter progress: told how many entries were read, of how many.
    package func run(_ log: AuditReader, progress: (Int, Int) -> Void = { _, _ in }) throws(AgentIDError) -> JSONTree {
        var reader = ReplayReader(log)
        let all = Int(clamping: reader.end)
        while true {
            let bundles = try reader.bundles()
            guard let last = bundles.last else { break }
            for bundle in bundles { take(bundle) }
            if waiting.count >= Self.window || made >= Self.mostChains { answer(all: false) }
            progress(Int(clamping: last.first) + last.entries.count, all)
        }
        answer(all: true)
        return totals.document(of: judge.counts, policy, log)
    }

    /// Whether a call that the log permitted would have been denied.
    package var changesAnything: Bool { totals.changesAnything }

    // MARK: Reading

    private func take(_ bundle: ReplayReader.Bundle) {
        let bytes = bundle.bytes.span
        totals.entries += bundle.entries.count
        totals.unread += bundle.unread
        for (i, entry) in bundle.entries.enumerated() {
            guard let (members, hash) = entry, let time = bytes.number(members[.time]), times.contains(time) else {
                continue
            }
            take(members, bytes, hash, at: time, index: bundle.first + UInt64(i))
        }
    }

    private func take(_ entry: EntryMembers, _ bytes: Span<UInt8>, _ hash: UInt64, at time: Int64, index: UInt64) {
        func record(_ kind: ReplayRecord.Kind) -> ReplayRecord { ReplayRecord(time: time, index: index, kind: kind) }
        if bytes.says("decision", entry[.kind]) {
            totals.see(time)
            var kind = ReplayRecord.Kind.permit
            var text: UInt32 = 0
            if !bytes.says("permit", entry[.decision]) {
                kind = Self.kind(of: entry, bytes)
                if kind == .denied { text = names.number(bytes.text(entry[.reason]) ?? "") }
            }
            guard let chain = chain(entry, bytes, hash), let tool = entry[.tool] else {
                totals.deniedOtherwise += 1
                return
            }
            var found = record(kind)
            found.text = text
            found.call = chain.call(of: tool, entry[.arguments], bytes)
            (found.process, found.number) = name(entry[.id], bytes)
            waiting.append(found)
        } else if bytes.says("outcome", entry[.kind]) {
            var found = record(bytes.text(entry[.outcome])?.starts(exactly: "failed") == true ? .failed : .succeeded)
            (found.process, found.number) = name(entry[.decision], bytes)
            found.labels = labels(entry[.labels], bytes)
            waiting.append(found)
        } else if bytes.says("denials", entry[.kind]) {
            totals.countOnly(Int(clamping: bytes.number(entry[.count]) ?? 0))
        } else if bytes.says("resumed", entry[.event]) {
            var found = record(.resumed)
            found.text = names.number(bytes.text(entry[.agent]) ?? "")
            waiting.append(found)
        } else if let approval = entry[.approval], bytes.says("approval", entry[.event]) {
            guard let step = bytes.value(approval), step["state"]?.string?.isSame(as: "used") == true,
                let taken = step["declassifies"], let agent = bytes.text(entry[.agent])
            else { return }
            var found = record(.declassified)
            (found.text, found.labels) = (names.number(agent), labels(taken))
            waiting.append(found)
        }
    }

    private static func kind(of entry: EntryMembers, _ bytes: Span<UInt8>) -> ReplayRecord.Kind {
        // A limit that a grant states denies whatever the policy.
        guard let rule = entry[.rule], bytes.text(rule)?.starts(exactly: "limit:") != true else { return .denied }
        for reason: StaticString in ["approval_required", "approval_refused"] where bytes.says(reason, entry[.reason]) {
            return .asked
        }
        return .ruled
    }

    private func chain(_ entry: EntryMembers, _ bytes: Span<UInt8>, _ hash: UInt64) -> ReplayChain? {
        if let known = chains[hash], known.isOf(entry, bytes) { return known }
        guard let made = ReplayChain(entry, bytes) else { return nil }
        chains[hash] = made
        self.made += 1
        return made
    }

    /// A decision's ID: 32 digits of its process, a hyphen, and 16 of its number there.
    private func name(_ range: Range<Int>?, _ bytes: Span<UInt8>) -> (UInt32, UInt64) {
        guard judge.keepsCalls, let range, range.count == 51 else { return (0, 0) }
        var number: UInt64 = 0
        for i in range.lowerBound + 34..<range.lowerBound + 50 {
            let byte = bytes[i]
            let digit = byte &- 48 <= 9 ? byte &- 48 : (byte | 0x20) &- 87
            guard digit < 16 else { return (0, 0) }
            number = number << 4 | UInt64(digit)
        }
        return (process(range.lowerBound + 1..<range.lowerBound + 33, bytes), number)
    }

    private var lastProcess: (bytes: [UInt8], number: UInt32) = ([], 0)

    private func process(_ range: Range<Int>, _ bytes: Span<UInt8>) -> UInt32 {
        if lastProcess.bytes.span.hasSameBytes(as: bytes.extracting(range)) { return lastProcess.number }
        let name = bytes.bytes(range)
        lastProcess = (name, names.number(String(decoding: name, as: UTF8.self)))
        return lastProcess.number
    }

    private func labels(_ range: Range<Int>?, _ bytes: Span<UInt8>) -> UInt64 {
        guard let range, !labels.isEmpty, let list = bytes.value(range) else { return 0 }
        return labels(list)
    }

    private func labels(_ list: JSON.Value) -> UInt64 {
        guard list.kind == .array else { return 0 }
        var found: UInt64 = 0
        for name in list.elements { if let name = name.string { found |= labels[name.exact] ?? 0 } }
        return found
    }

    // MARK: Answering

    /// Answers the earlier half of what waits, or all.
    private func answer(all: Bool) {
        if !waiting.indices.dropFirst().allSatisfy({ !Self.isBefore(waiting[$0], waiting[$0 - 1]) }) {
            waiting.sort(by: Self.isBefore)
        }
        let count = all ? waiting.count : waiting.count / 2
        for i in 0..<count { answer(waiting[i]) }
        waiting.removeFirst(count)
        if made >= Self.mostChains { chains = [:] }
        made = 0
    }

    private static func isBefore(_ one: ReplayRecord, _ other: ReplayRecord) -> Bool {
        (one.time, one.index) < (other.time, other.index)
    }

    private func answer(_ record: ReplayRecord) {
        if record.time < latest { totals.late += 1 }
        latest = max(latest, record.time)
        judge.meters.tidy(at: record.time)
        switch record.kind {
        case .permit, .ruled, .asked:
            guard let call = record.call else { return }
            let verdict = judge.judge(record, of: call)
            totals.count(verdict, wasPermitted: record.kind == .permit)
            onVerdict?(record.index, verdict)
        case .denied:
            totals.deniedOtherwise += 1
            guard let call = record.call else { return }
            var verdict = ReplayVerdict()
            judge.noteDenial(names.texts[Int(record.text)], by: nil, call.context, at: record.time, &verdict)
            if verdict.stop != nil { onVerdict?(record.index, verdict) }
        case .succeeded, .failed: judge.end(record)
        case .resumed: judge.resume(names.texts[Int(record.text)])
        case .declassified: judge.declassify(record, names.texts[Int(record.text)])
        }
    }
}
