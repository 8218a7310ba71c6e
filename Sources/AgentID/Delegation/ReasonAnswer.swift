internal import StrictJSON

/// A server's answer to a denied call: one table, for every language.
extension Reason {
    /// The class of a denial: whether another call could be permitted.
    public enum Category: Int32, CaseIterable, Sendable {
        /// The authority is not enough: no proof changes that. Also of a reason that this version does not know.
        case forbidden = 0
        /// Another chain or a fresh proof may do.
        case unauthorized = 1
        /// The guard cannot decide now: nothing that the client sends changes that.
        case undecided = 2

        /// Its name in lower case, e.g. `unauthorized`.
        public var name: String {
            switch self {
            case .forbidden: "forbidden"
            case .unauthorized: "unauthorized"
            case .undecided: "undecided"
            }
        }
    }

    /// Whether another call could be permitted; ``Category/forbidden`` for a reason that is not in ``all``.
    public var category: Category { Self.categories[rawValue.exact] ?? .forbidden }

    /// The status of HTTP: 403, 401 or 503; 428 where the client has to send the whole chain once, 429 after too
    /// many calls.
    public var httpStatus: Int {
        if rawValue.isSame(as: "chain_unknown") { return 428 }
        if rawValue.isSame(as: "rate_limited") { return 429 }
        return switch category {
        case .forbidden: 403
        case .unauthorized: 401
        case .undecided: 503
        }
    }

    /// The value of `WWW-Authenticate` (RFC 9110, section 11.6.1), e.g. `Agent-Proof error="replayed"`; `nil` where the status
    /// is not 401.
    public var challenge: String? { httpStatus == 401 ? "Agent-Proof error=\"\(rawValue)\"" : nil }

    /// Every reason of this version, in the order of their bytes.
    public static var all: [Reason] { categories.keys.inOrder().map { Reason($0.string) } }

    /// ``all`` as a JSON array of objects: `reason`, `category`, `http_status` and `challenge`, which may be null.
    package static var document: JSONTree {
        .array(
            all.map { reason in
                [
                    "reason": .string(reason.rawValue), "category": .string(reason.category.name),
                    "http_status": .int(reason.httpStatus), "challenge": reason.challenge.map { .string($0) } ?? .null,
                ]
            })
    }

    private static let categories: [ExactText: Category] = {
        var categories: [ExactText: Category] = [:]
        for (names, category) in [
            (forbidden, Category.forbidden), (unauthorized, .unauthorized), (undecided, .undecided),
        ] {
            for name in names.utf8.split(separator: UInt8(ascii: " ")) {
                categories[String(decoding: name, as: UTF8.self).exact] = category
            }
        }
        return categories
    }()

    private static let forbidden = """
        agent_not_under_parent algorithm_not_permitted approval_refused approval_required argument_constraint_violated argument_key_set_mismatch \
        argument_missing argument_not_permitted arguments_malformed authority_revoked \
        authorization_details_invalid budget_exhausted chain_audience_mismatch chain_audience_missing chain_cycle_detected \
        chain_length_mismatch chain_too_long constraint_expansion constraint_too_deep \
        constraint_type_not_permitted constraint_type_unrecognized context_override delegation_ceiling_invalid \
        delegation_ceiling_raised delegation_depth_exceeded delegation_depth_invalid depth_exceeds_own_ceiling \
        expiry_exceeds_parent expiry_not_after_issuance flow_forbidden flow_refused holder_key_invalid \
        identity_binding_unavailable issued_before_parent issuer_thumbprint_mismatch lease_lapsed \
        lifetime_exceeded outside_hours par_hash_mismatch par_hash_missing par_hash_present_on_root parked \
        policy_denied private_key_material rate_limited root_depth_invalid secret_permit_foreign secret_resource_mismatch secret_used \
        subject_identity_mismatch suspended token_too_large too_costly tool_not_authorized \
        tool_not_delegated
        """

    private static let unauthorized = """
        chain_empty chain_unknown expired invalid_signature nonce_invalid nonce_required not_yet_valid pop_binding_mismatch \
        pop_malformed pop_missing pop_recipient_mismatch pop_signature_invalid pop_stale pop_token_mismatch \
        pop_tool_mismatch presentation_malformed replayed token_malformed untrusted_root
        """

    private static let undecided = """
        approval_unavailable audit_replaced audit_rolled_back audit_unavailable budget_unavailable clock_failed clock_invalid clock_went_back \
        directory_replaced journal_missing journal_rolled_back meters_damaged meters_full meters_share policy_unreadable \
        registry_replaced registry_rolled_back \
        replay_memory_full replay_memory_replaced revocation_view_stale status_unavailable
        """
}
