internal import JOSE
internal import StrictJSON

/// An agent as it is sealed under the authority: its key, its term, and the grant it held.
final class ParkedKey: Sendable {
    let key: SigningKey
    let lifetime: Int64?
    let until: Int64?
    /// The `jti` of the grant.
    let grant: String
    /// Those that it was told, and that no directory keeps.
    let labels: [String]
    /// Its place in the tree; `nil` for the agent at the top.
    let place: Place?

    /// The place of an agent that was parked with those above it.
    final class Place: Sendable {
        let id: String
        /// The index of its parent: 0 is the agent at the top.
        let parent: Int
        /// Whether it has a scope of its own, and not all that its parent may.
        let isScoped: Bool
        let maxDepth: Int?

        init(id: String, parent: Int, isScoped: Bool, maxDepth: Int?) {
            (self.id, self.parent, self.isScoped, self.maxDepth) = (id, parent, isScoped, maxDepth)
        }
    }

    init(of state: Agent.State, _ term: Term, labels: [String], place: Place? = nil) {
        (key, lifetime, until, grant) = (state.key, term.lifetime, term.until, state.held.grant.id)
        (self.labels, self.place) = (labels, place)
    }

    private init?(_ json: JSON.Value, key: SigningKey, index: Int) {
        guard let id = json["id"]?.string, let parent = json["parent"]?.int, (0..<index).contains(parent),
            let grant = json["grant"]?.string, let isScoped = json["scoped"]?.bool,
            let labels = json["labels"].flatMap({ Claim.labels(parsing: $0) })
        else { return nil }
        (self.key, self.grant, self.labels) = (key, grant, labels)
        lifetime = json["lifetime"]?.int.map { Int64($0) }
        until = json["until"]?.int.map { Int64($0) }
        place = Place(id: id, parent: parent, isScoped: isScoped, maxDepth: json["depth"]?.int)
    }

    private func document(_ place: Place) -> JSONTree {
        func number(_ number: Int?) -> JSONTree { number.map { .int($0) } ?? .null }
        return [
            "id": .string(place.id), "parent": .int(place.parent), "grant": .string(grant),
            "scoped": .bool(place.isScoped), "labels": .array(labels.map { .string($0) }),
            "lifetime": number(lifetime.map { Int($0) }), "until": number(until.map { Int($0) }),
            "depth": number(place.maxDepth),
        ]
    }

    /// Seals agents together, the one at the top first: XSalsa20-Poly1305, the nonce before the box.
    ///
    /// In it stand the seed and the text of the first; if there are others, a NUL, their list, a NUL, and their seeds.
    static func seal(_ tree: [ParkedKey], with sealing: GuardedBytes) throws(AgentIDError) -> [UInt8] {
        let top = tree[0]
        var text =
            Array("\(top.lifetime ?? 0) \(top.until ?? 0) \(top.grant) ".utf8)
            + JSONTree.array(top.labels.map { .string($0) }).canonical()
        if tree.count > 1 {
            let below = tree.dropFirst().compactMap { one in one.place.map { one.document($0) } }
            text += [0] + JSONTree.array(below).canonical() + [0]
        }
        let nonce = Sodium.randomBytes(Sodium.secretBoxNonceBytes)
        guard let secret = GuardedBytes(count: 32 * tree.count + text.count) else {
            throw AgentIDError(
                .limit, name: "seal", message: "the agents' keys were not sealed: there is not enough guarded memory")
        }
        unsafe secret.withUnsafeMutableBytes { secret in
            for (i, byte) in text.enumerated() { unsafe secret[32 + i] = byte }
        }
        for (i, one) in tree.enumerated() {
            let start = i == 0 ? 0 : text.count + 32 * i
            do throws(JOSEError) {
                try one.key.withSeed { seed in
                    unsafe secret.withUnsafeMutableBytes { secret in
                        unsafe seed.withUnsafeBytes { seed in
                            for j in 0..<32 { unsafe secret[start + j] = seed[j] }
                        }
                    }
                }
            } catch { throw AgentIDError(error, at: "agent") }
        }
        guard let box = Sodium.seal(secret, nonce: nonce, key: sealing) else {
            throw AgentIDError(.internal, name: "seal", message: "the agent's key could not be sealed")
        }
        return nonce + box
    }

    /// The agents in a box, the one at the top first.
    static func open(_ sealed: [UInt8], with sealing: GuardedBytes) throws(AgentIDError) -> [ParkedKey] {
        let nonceBytes = Sodium.secretBoxNonceBytes
        let opened: GuardedBytes?
        do throws(JOSEError) {
            opened = try Sodium.open(
                Array(sealed.dropFirst(nonceBytes)), nonce: Array(sealed.prefix(nonceBytes)), key: sealing)
        } catch { throw AgentIDError(error, at: "agent") }
        guard let secret = opened, secret.count > 32 else { throw damaged }
        // Never what stands after the second NUL: those are keys.
        let texts = secret.withSpan { secret in
            var texts: [[UInt8]] = [[]]
            for i in 32..<secret.count {
                if secret[i] != 0 { texts[texts.count - 1].append(secret[i]) } else { texts.append([]) }
                if texts.count == 3 { break }
            }
            return texts
        }
        let words = texts[0].split(separator: UInt8(ascii: " "), maxSplits: 3).map {
            String(decoding: $0, as: UTF8.self)
        }
        guard words.count == 4, let lifetime = Int64(words[0]), let until = Int64(words[1]),
            let labels = (try? JSON(parsing: Array(words[3].utf8)).root).flatMap(Claim.labels(parsing:))
        else { throw damaged }
        let term = Term(source: .authority, lifetime: lifetime == 0 ? nil : lifetime, until: until == 0 ? nil : until)
        var tree = [ParkedKey(key: try key(in: secret, at: 0), term: term, grant: words[2], labels: labels)]
        guard texts.count > 1 else { return tree }
        guard texts.count == 3, let below = try? JSON(parsing: texts[1]).root, below.kind == .array,
            below.count <= Limits.parkedTogether,
            secret.count == 32 + texts[0].count + texts[1].count + 2 + 32 * below.count
        else { throw damaged }
        for (i, json) in below.elements.enumerated() {
            let key = try key(in: secret, at: secret.count - 32 * (below.count - i))
            guard let one = ParkedKey(json, key: key, index: i + 1) else { throw damaged }
            tree.append(one)
        }
        return tree
    }

    private init(key: SigningKey, term: Term, grant: String, labels: [String]) {
        (self.key, lifetime, until, self.grant, self.labels) = (key, term.lifetime, term.until, grant, labels)
        place = nil
    }

    private static func key(in secret: GuardedBytes, at start: Int) throws(AgentIDError) -> SigningKey {
        guard let seed = GuardedBytes(count: 32) else { throw AgentIDError(.noMemory("a key"), at: "agent") }
        unsafe seed.withUnsafeMutableBytes { seed in
            unsafe secret.withUnsafeBytes { secret in for i in 0..<32 { unsafe seed[i] = secret[start + i] } }
        }
        do throws(JOSEError) { return try SigningKey(guardedSeed: seed) } catch {
            throw AgentIDError(error, at: "agent")
        }
    }

    static let damaged = AgentIDError(
        .malformed, name: "parked_key",
        message: "what was sealed of the agent does not open: end it and start another, or restore keys/parking.jwk",
        at: "agent")

    static let lost = AgentIDError(
        .notFound, name: "key_missing",
        message:
            "agents are parked, and the key is missing that seals theirs: restore it from a backup of this directory, or "
            + "end them and start others",
        at: "keys/parking.jwk")
}
