internal import AgentID
internal import Scopes
internal import StrictJSON

/// A chain changed in any way is denied: inputs are edits of a chain and a proof that are good.
///
/// The world is the same in every run of the fuzzer that made it: keys are new, so inputs name edits, not bytes.
final class ChainTarget: FuzzTarget {
    private let guardian: Guard
    private let chain: [UInt8]
    private let proof: [UInt8]
    private let arguments = Array(#"{"path":"/data/q3/a"}"#.utf8)

    init() {
        do {
            var options = Authority.Options()
            options.trustDomain = "acme.example"
            options.clock = CallbackClock { 1_790_000_000_000 }
            let authority = try Authority.open(directory: nil, options: options)
            try authority.put(
                Profile(name: "p", owner: "team:x", ceiling: Scope("read_file(path under '/data'); search(q *)")))
            let root = try authority.startAgent(
                profile: "p",
                AgentRequest(principal: "user:a", task: "t", scope: Scope("read_file(path under '/data'); search(q *)"))
            )
            let leaf = try root.spawn("a", DelegationRequest(scope: Scope("read_file(path under '/data/q3')"))).spawn(
                "b", .sameScope())
            chain = Array(try leaf.chain().utf8)
            proof = Array(try leaf.prove(tool: "read_file", arguments: arguments, audience: "here").utf8)
            var guardOptions = Guard.Options()
            guardOptions.audience = "here"
            guardOptions.clock = options.clock
            guardOptions.cacheEntries = 1
            guardian = try Guard(guardOptions)
            try guardian.addBundle(Array(authority.bundle().utf8), for: "acme.example")
            guard guardian.check(chain: chain, proof: proof, tool: "read_file", arguments: arguments).isPermitted
            else {
                fatalError("the untouched chain is denied")
            }
        } catch { fatalError("\(error)") }
    }

    func run(_ input: [UInt8]) {
        // As it is: whatever stands in place of a chain, a proof or arguments is answered.
        property(
            !guardian.check(chain: input, proof: input, tool: "read_file", arguments: input).isPermitted,
            "noise is denied")
        _ = guardian.check(chain: chain, proof: input, tool: "read_file", arguments: arguments)
        _ = guardian.check(chain: chain, proof: proof, tool: "read_file", arguments: input)
        _ = try? ChainDecoder.decode(input)

        let edited = edit(chain, by: input)
        guard edited != chain else { return }
        let decision = guardian.check(chain: edited, proof: proof, tool: "read_file", arguments: arguments)
        property(!decision.isPermitted, "an edited chain is denied")
        do { _ = try guardian.admit(chain: edited) } catch { return }
        // What stays good is what the chain itself starts with: a shorter chain is its holder's.
        property(chain.starts(with: edited + [UInt8(ascii: "~")]), "an edited chain is not admitted")
    }

    /// Each four bytes are one edit: what, where (two bytes), and with what.
    private func edit(_ original: [UInt8], by input: [UInt8]) -> [UInt8] {
        var bytes = original
        var tokens: [ArraySlice<UInt8>] { bytes.split(separator: UInt8(ascii: "~"), omittingEmptySubsequences: false) }
        for i in stride(from: 0, to: min(input.count - 3, 64), by: 4) {
            guard !bytes.isEmpty else { break }
            let place = (Int(input[i + 1]) << 8 | Int(input[i + 2])) % bytes.count
            let value = input[i + 3]
            switch input[i] % 7 {
            case 0: bytes[place] = value
            case 1: bytes[place] ^= value
            case 2: bytes.remove(at: place)
            case 3: bytes.insert(value, at: place)
            case 4: bytes.removeSubrange(place..<min(place + Int(value), bytes.count))
            case 5:
                var parts = tokens
                parts.swapAt(Int(input[i + 1]) % parts.count, Int(value) % parts.count)
                bytes = Array(parts.joined(separator: [UInt8(ascii: "~")]))
            default:
                var parts = tokens
                parts.insert(parts[Int(value) % parts.count], at: Int(input[i + 1]) % parts.count)
                bytes = Array(parts.joined(separator: [UInt8(ascii: "~")]))
            }
        }
        return bytes
    }
}
