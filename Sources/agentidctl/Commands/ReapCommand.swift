import AgentID
import ArgumentParser
import StrictJSON

struct Reap: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "End the agents whose lease has lapsed, and finish what a process that died left undone.",
        discussion: """
            Tombstones, secrets that are to be returned, commands of hooks that are due. Any process may do it; \
            several at once do no harm. With --watch until SIGINT or SIGTERM: a line for each round that did something.
            """)
    @OptionGroup var options: AuthorityOptions
    @OptionGroup var output: Output
    @Flag(name: .long, help: "Go on until told to end.") var watch = false
    @ArgumentParser.Option(
        name: .long, help: "The time between rounds: seconds, or 90s, 15m, at most 1h; with --watch. (default: 10)")
    var every: TimeSpan?

    func validate() throws {
        guard every == nil || watch else { throw ValidationError("--every goes with --watch") }
        guard (1...3600).contains(every?.seconds ?? 10) else { throw ValidationError("--every is 1 s to 1 h") }
    }

    func run() throws {
        // Before there are other threads, which inherit the mask.
        let signals = watch ? EndSignals() : nil
        guard let signals else {
            let authority = try options.open()
            defer { authority.close() }
            let round = try Round(authority) { false }
            if output.json { return Console.data(round.document) }
            if let text = round.text { return Console.data("\(text)") }
            return Console.message("\((["there was nothing to do"] + round.undone).joined(separator: ", "))")
        }
        // Once: stdin has it no second time.
        let passphrase = try options.readPassphrase()
        var opened: Authority? = try options.open(passphrase: passphrase)
        defer { opened?.close() }
        var lastError = ""
        repeat {
            do {
                let authority = try opened ?? options.open(passphrase: passphrase)
                opened = authority
                let round = try Round(authority) { signals.isPending }
                lastError = ""
                guard let text = round.text else { continue }
                Console.data(output.json ? PrintableText(round.document) : "\(Console.date(Int(Console.now)))  \(text)")
            } catch {
                // A full disk, or a registry that another process holds: watching goes on, and reports it once.
                if !"\(error)".isSame(as: lastError) { Console.error(error) }
                lastError = "\(error)"
                // What was opened is not what stands there now, and never will be. What does is perhaps half of a backup.
                guard let error = error as? AgentIDError, error.isOfReplaced else { continue }
                opened?.close()
                opened = nil
            }
        } while !signals.wait(seconds: Int(every?.seconds ?? 10))
    }
}

/// One round of reaping, and its results.
private struct Round {
    private var ended = 0
    private var buried = 0
    private var returned = 0
    private var delivered = 0
    private var waiting = 0
    private var owed = 0

    init(_ authority: Authority, unless isOver: () -> Bool) throws {
        let (held, due) = (try authority.brokerLeases().count, try authority.deliveriesWaiting())
        var dealtWith = 0
        ended = try Progress.showing("reaping") { progress in
            try authority.reap { count in
                dealtWith += count
                progress.advance(by: count)
            }
        }
        buried = dealtWith - ended
        let leases = try authority.brokerLeases().map { try $0.read() }
        (returned, owed) = (max(held - leases.count, 0), leases.count { $0["state"]?.equals("releasing") == true })
        try authority.runDueHooks(seconds: 10, unless: isOver)
        waiting = try authority.deliveriesWaiting()
        delivered = max(due - waiting, 0)
    }

    /// The results, in words; `nil` if there were none.
    var text: String? {
        var parts: [String] = []
        if ended > 0 { parts.append("ended \(Console.count(ended, "agent"))") }
        if buried > 0 { parts.append("signed \(Console.count(buried, "tombstone"))") }
        if returned > 0 { parts.append("returned \(Console.count(returned, "secret"))") }
        if delivered > 0 { parts.append("made up for \(Console.count(delivered, "delivery", "deliveries"))") }
        return parts.isEmpty ? nil : (parts + undone).joined(separator: ", ")
    }

    /// The work that could not be done yet.
    var undone: [String] {
        var parts: [String] = []
        if waiting > 0 { parts.append("\(Console.count(waiting, "delivery", "deliveries")) still waiting") }
        if owed > 0 { parts.append("\(Console.count(owed, "secret")) not returned yet") }
        return parts
    }

    var document: JSONTree {
        [
            "time": .int(Int(Console.now)), "ended": .int(ended), "tombstones": .int(buried),
            "returned": .int(returned), "delivered": .int(delivered), "waiting": .int(waiting),
            "not_returned": .int(owed),
        ]
    }
}

extension AgentIDError {
    /// Whether the directory, or a part of it, is not the one that was opened.
    fileprivate var isOfReplaced: Bool {
        [
            "directory_replaced", "registry_replaced", "registry_rolled_back", "registry_corrupt", "journal_missing",
            "journal_damaged", "journal_rolled_back", "audit_replaced", "audit_rolled_back",
        ].contains { name.isSame(as: $0) }
    }
}

extension Authority {
    fileprivate func deliveriesWaiting() throws -> Int { try waitingHooks().reduce(0) { $0 + $1.waiting } }
}
