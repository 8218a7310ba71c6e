internal import JOSE
internal import StrictJSON
internal import Synchronization

/// The signed lists that a guard was given, the newest of each trust domain.
@safe final class LoadedRevocations: Sendable {
    private struct Held {
        var list: RevocationSnapshot
        let sequence: Int64
        let issued: Int64
        let expires: Int64
        /// Whether the domain's chains are permitted after the list has expired.
        let keeps: Bool
        let signedBy: Revocation
    }

    private let reading = Locked<Void>(())
    // SAFETY: read and written under `reading` only. A lock of its own type would cost guards without lists its metadata.
    nonisolated(unsafe) private var lists: [ExactText: Held]?
    /// One list is taken in at a time.
    private let loading = Locked<Void>(())
    private let number = Atomic<UInt64>(0)
    private let firstExpiry = Atomic<Int64>(.max)

    /// Moves with every list.
    var sequence: UInt64 { number.load(ordering: .acquiring) }
    /// When the first list expires after which chains are denied, in seconds since 1970.
    var earliestExpiry: Int64 { firstExpiry.load(ordering: .relaxed) }
    var count: Int { sequence == 0 ? 0 : held.values.reduce(0) { $0 + $1.list.count } }

    private var held: [ExactText: Held] { reading.withLock { _ in unsafe lists } ?? [:] }

    /// Takes in a list; refuses one that is older than the one of the same domain. What was revoked stays revoked.
    ///
    /// - Parameter isTrusted: Whether a key of the domain still is, as far as the guard knows otherwise.
    func take(
        _ list: SignedRevocations, keeps: Bool, isTrusted: (Revocation) -> Bool
    ) throws(AgentIDError) {
        let domain = list.trustDomain.name.exact
        // Hashed beside the readers.
        let keys = list.revocations.map { RevocationKey($0) }
        try loading.withLock { _ throws(AgentIDError) in
            var all = held
            let before = all[domain]
            guard before?.list.contains(RevocationKey(list.signedBy)) != true else {
                throw SignedRevocations.refusal("the key that signed the list is revoked: \(list.key)")
            }
            // A stolen key can sign any sequence: it must not shut out the lists that end it.
            let isVoid = before.map { keys.contains(RevocationKey($0.signedBy)) || !isTrusted($0.signedBy) } ?? true
            if let before, !isVoid, (list.sequence, list.issued) < (before.sequence, before.issued) {
                throw AgentIDError(
                    .state, name: "revocations_rolled_back",
                    message:
                        "a list of \(list.trustDomain) with seq \(before.sequence), made at \(before.issued), is held; "
                        + "this has \(list.sequence), made at \(list.issued)", at: "list.seq")
            }
            let known = before?.list ?? RevocationSnapshot()
            let next = Held(
                list: known.adding(keys) ?? known, sequence: list.sequence, issued: list.issued,
                expires: list.expires, keeps: keeps, signedBy: list.signedBy)
            all[domain] = next
            let made = all
            reading.withLock { _ in unsafe lists = made }
            let expiry = all.values.filter { !$0.keeps }.map(\.expires).min() ?? .max
            firstExpiry.store(expiry, ordering: .relaxed)
            // After the list: a reader that sees the number sees the list.
            number.add(1, ordering: .acquiringAndReleasing)
        }
    }

    /// The first thing in a chain that the domain has revoked whose word it is.
    func first(in chain: VerifiedChain) -> Revocation? {
        guard sequence != 0 else { return nil }
        let held = held
        if let own = chain.issuer.domain, let list = held[own.name.exact]?.list,
            let revoked = chain.firstRevoked({ list.contains(RevocationKey($0)) })
        {
            return revoked
        }
        return chain.links.lazy.compactMap(\.credential).compactMap { Self.first(of: $0, held) }.first
    }

    /// The same of a credential that is shown.
    func first(of credential: Credential) -> Revocation? { sequence == 0 ? nil : Self.first(of: credential, held) }

    private static func first(of credential: Credential, _ held: [ExactText: Held]) -> Revocation? {
        guard let list = credential.anchor.domain.flatMap({ held[$0.name.exact] })?.list else { return nil }
        return credential.revocable.first { list.contains(RevocationKey($0)) }
    }

    /// The denial of a chain while the list of a domain that it rests on has expired. `now` in seconds since 1970.
    func denial(of chain: VerifiedChain, at now: Int64) -> Denial? {
        let held = held
        for domain in [chain.issuer.domain] + chain.links.map({ $0.credential?.anchor.domain }) {
            guard let domain, let list = held[domain.name.exact], !list.keeps, list.expires <= now else { continue }
            return Denial(
                "revocation_view_stale",
                "the list of what \(domain) has revoked expired \(now - list.expires) s ago: load a newer one",
                link: 0, at: "iss")
        }
        return nil
    }
}

extension SignedRevocations {
    fileprivate var signedBy: Revocation { Revocation(unchecked: .issuer, key) }
}

extension Credential {
    /// Everything whose revocation ends it: its signer, and the agent and key that it names.
    var revocable: [Revocation] {
        [Revocation(unchecked: .issuer, anchor.thumbprint), Revocation(unchecked: .key, key.thumbprint)]
            + SPIFFEID.ancestry(of: subject).map { Revocation(unchecked: .agent, $0) }
    }
}

extension Guard {
    /// Loads a signed list of what an authority has revoked, for a guard that does not follow its registry: the list's
    /// domain needs a bundle here. It is about chains of this domain and credentials that it signed, and nobody else's.
    ///
    /// What a list names stays revoked in this guard, whatever later lists leave out. Nothing is changed on an error.
    ///
    /// - Parameters:
    ///   - list: What `Authority.revocationList` made, at most 8 MiB.
    ///   - keepsAfterExpiry: Whether chains of the domain are still permitted when the list has expired and no newer one
    ///     came. Otherwise they are denied then (`revocation_view_stale`).
    /// - Throws: `revocations_size`; `revocations` if it is not signed by the domain, or damaged;
    ///   `revocations_expired`; `revocations_rolled_back` if it is older than the one held; `own_domain`.
    @discardableResult
    public func loadRevocations(
        _ list: [UInt8], keepsAfterExpiry: Bool = false
    ) throws(AgentIDError) -> SignedRevocations {
        let anchors = anchors.withLock { $0 }
        let read = try SignedRevocations(verifying: list, anchors: anchors, now: clock.now() / 1000)
        guard view?.trustDomain != read.trustDomain else {
            throw AgentIDError(
                .state, name: "own_domain",
                message: "this guard follows the registry of \(read.trustDomain), which says what is revoked",
                at: "list.iss")
        }
        // What cannot be read now was read at the last decision.
        try? view?.refresh()
        guard !isRevokedHere(read.signedBy) else {
            throw SignedRevocations.refusal("the key that signed the list is revoked: \(read.key)")
        }
        try loaded.take(read, keeps: keepsAfterExpiry) { key in
            !isRevokedHere(key) && anchors.trusts(key.value, of: read.trustDomain)
        }
        told(as: max(0, clock.milliseconds - read.issued * 1000))
        return read
    }

    /// Whether this guard was told of a revocation, or its registry has it.
    private func isRevokedHere(_ revocation: Revocation) -> Bool {
        revocations.first(of: [revocation]) != nil || view?.revocations.first(of: [revocation]) != nil
    }
}
