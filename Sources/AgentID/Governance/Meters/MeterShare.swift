internal import Policy
internal import StrictJSON
internal import Synchronization

/// The part of a page that one root grant, or one other authority, may fill with meters of agents, and of grants, that the
/// registry does not have: whoever may hand on can name as many of them as it likes, and others need room too.
///
/// A part is a number of rights: see ``MeterRight``; an authority's is a set of buckets: see ``MeterBuckets``. Agents that the
/// registry has are not bound to it: the authority started them.
final class MeterShare: Sendable {
    /// The most meters of all agents below one root, and of those below one holder next to it; and of all that another authority
    /// names.
    static let ofRoot = MeterBuckets.ofRoot * MetersPage.slotsPerBucket
    static let ofBranch = MeterBuckets.ofBranch * MetersPage.slotsPerBucket
    static let ofAuthority = MeterBuckets.ofAuthority * MetersPage.slotsPerBucket

    /// An estimate of the memory that one takes, in bytes: its texts are the chain's.
    static let size = 256

    let range: MeterRange
    /// The holder of the root grant, and the one next to it that the meter's agent is, or stands below.
    private let (root, branch): (String, String)
    private let name: String
    /// The grant that states the limit; `nil` for a policy's rule.
    private let grantor: GrantLimit.Holder?
    private let registry: any Registry
    /// The slot in which its meter was last found, where that is not the one that is planned; -1: none.
    private let last = Atomic<Int>(-1)
    var lastPlace: Int {
        get { last.load(ordering: .relaxed) }
        set { last.store(newValue, ordering: .relaxed) }
    }

    /// - Parameters:
    ///   - subject: whose meter is to be made, and its name.
    ///   - rule: the rule that it counts by, where a grant may state it.
    @inline(never) init(
        _ subjects: PolicySubjects, _ subject: Subject, _ name: String, of rule: PolicyRule? = nil,
        _ registry: any Registry
    ) {
        (self.name, grantor, self.registry) = (name, rule?.grantor, registry)
        let isAgents = grantor != nil || subject == .agent || subject == .subtree
        range = subjects.range(ofAgents: isAgents)
        root = subjects.root
        branch = (grantor?.agent ?? name).isSame(as: root) ? root : subjects.branch
    }

    /// Whose rights a meter that is made takes, as ``MeterBuckets`` takes it.
    func group(_ secret: SIMD2<UInt64>) -> SIMD2<UInt64> {
        SIMD2(MeterKey.hash(["root", root], secret).x, MeterKey.hash(["branch", root, branch], secret).x)
    }

    /// Whether a meter that is to be made is bound to the share: the registry does not know whose it is.
    func isBound() throws(Denial) -> Bool {
        switch range {
        case .own: return false
        case .authority: return true
        case .agent: break
        }
        let (name, grantor) = (name, grantor)
        do throws(AgentIDError) {
            return try registry.read { reader throws(AgentIDError) in
                // A holder could state ever more limits for itself.
                if let grantor {
                    return try reader.grant(grantor.grant)?.tokenHash.isSame(as: grantor.token) != true
                }
                return try reader.agent(name) == nil
            }
        } catch {
            throw Denial("revocation_view_stale", "the agents cannot be read: \(error)")
        }
    }

    /// The denial of a call whose meter finds no place.
    ///
    /// - Parameter wait: in how many milliseconds one may be free; `nil` where that cannot be told.
    static func denial(isForeign: Bool, retryAfter wait: Int64?) -> Denial {
        let message =
            isForeign
            ? "the meters that may be made for what this authority names are all in use, \(ofAuthority) at most"
            : "the meters that may be made for agents below this root that the registry does not have are all in use, "
                + "\(ofRoot) at most, and \(ofBranch) below one that the root handed to: spawn them in a process of the "
                + "authority, or name fewer"
        guard let wait else { return Denial("meters_share", message, at: "policy") }
        return Denial("meters_share", message, retryAfter: wait)
    }
}
