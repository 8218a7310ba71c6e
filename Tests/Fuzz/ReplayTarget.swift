internal import AgentID
internal import CostCases
internal import Glibc
internal import Scopes
internal import StrictJSON

/// Whatever the file of used proofs holds: it is refused or used, and a proof that is accepted is not accepted again.
///
/// Inputs are edits of a file that is good: a word's number in two bytes, and the word.
final class ReplayTarget: FuzzTarget {
    private let directory: String
    private let good: [UInt8]
    private let chain: [UInt8]
    private let proof: [UInt8]
    private let arguments = Array(#"{"path":"/data/q3/a"}"#.utf8)
    private let options: Guard.Options

    init() {
        do {
            guard let made = scratchDirectory() else { fatalError("no directory") }
            directory = made
            let clock = CallbackClock { 1_790_000_000_000 }
            var authorityOptions = Authority.Options()
            (authorityOptions.trustDomain, authorityOptions.clock) = ("acme.example", clock)
            authorityOptions.audit = .none
            let authority = try Authority.open(directory: directory, options: authorityOptions)
            try authority.put(Profile(name: "p", owner: "team:x", ceiling: Scope("read_file(path under '/data')")))
            let agent = try authority.startAgent(
                profile: "p",
                AgentRequest(principal: "user:a", task: "t", scope: Scope("read_file(path under '/data')")))
            chain = Array(try agent.chain().utf8)
            proof = Array(try agent.prove(tool: "read_file", arguments: arguments, audience: "here").utf8)
            var options = Guard.Options()
            (options.audience, options.clock, options.replayCapacity) = ("here", clock, 2)
            options.audit = .none
            self.options = options
            _ = try Guard.open(directory: directory, options)
            good = Self.read(directory + "/replay")
        } catch { fatalError("no world: \(error)") }
    }

    func run(_ input: [UInt8]) {
        var bytes = good
        for start in stride(from: 0, to: input.count - 9, by: 10) {
            let word = (Int(input[start]) << 8 | Int(input[start + 1])) % (bytes.count / 8)
            for i in 0..<8 { bytes[word * 8 + i] = input[start + 2 + i] }
        }
        // What is left over cuts it off, or adds to it.
        if let last = input.last, input.count % 10 == 1 {
            bytes = last < 128 ? bytes.dropLast(Int(last) * 37) : bytes + [UInt8](repeating: last, count: Int(last))
        }
        Self.write(bytes, directory + "/replay")
        guard let one = try? Guard.open(directory: directory, options) else { return }
        guard permits(one) else { return }
        property(!permits(one), "a proof is accepted once")
        if let other = try? Guard.open(directory: directory, options) {
            property(!permits(other), "a proof is accepted once among all guards of a directory")
        }
    }

    private func permits(_ guardian: Guard) -> Bool {
        guardian.check(chain: chain, proof: proof, tool: "read_file", arguments: arguments).isPermitted
    }

    private static func read(_ path: String) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let file = unsafe open(path, O_RDONLY)
        let count = unsafe Glibc.read(file, &bytes, bytes.count)
        close(file)
        return Array(bytes.prefix(max(count, 0)))
    }

    private static func write(_ bytes: [UInt8], _ path: String) {
        let file = unsafe open(path, O_WRONLY | O_TRUNC)
        _ = unsafe Glibc.write(file, bytes, bytes.count)
        close(file)
    }
}
