internal import StrictJSON

/// Bounds how many holders without a place in the registry are stopped one by one.
///
/// Whoever may hand on can make up any number of keys and names offline, and each that is stopped is one more revocation, in
/// the registry and in the list that other guards load. So the holders above answer for it in the end: each for so many
/// below it, and no holder for what another of the same rank made.
struct UnregisteredStops: Sendable {
    /// The most that are stopped below one holder, before it is stopped itself.
    static let most = 16
    private static let mostCounts = 4096

    private var counts: [ExactText: Int] = [:]

    /// Counts the stop of a holder. Returns who is stopped for it, with whoever answers for too many.
    mutating func count(_ offender: Offender) -> Offender {
        guard offender.registered.isEmpty, let leaf = offender.revoked else { return offender }
        // Each takes as many agents as there are here, or chains of another authority, which can revoke its own.
        if counts.count > Self.mostCounts { counts = [:] }
        var answering = offender
        let branch = offender.branch.value.exact
        let isNew = counts[branch] == nil
        let below = (counts[branch] ?? 0) + (leaf == offender.branch ? 0 : 1)
        counts[branch] = below
        if below > Self.most { answering.revoked = offender.branch }
        guard isNew, let owner = offender.owner else { return answering }
        let branches = (counts[owner.exact] ?? 0) + 1
        counts[owner.exact] = branches > Self.most ? nil : branches
        if branches > Self.most { answering.registered = [owner] }
        return answering
    }
}
