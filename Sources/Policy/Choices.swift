/// Whose meter a call takes from.
package enum Subject: String, PolicyChoice, Sendable {
    /// The agent that calls.
    case agent
    /// The agent and every agent above it: each has a meter that all below it share.
    case subtree
    /// The root grant and all that descends from it.
    case task
    /// The person or service on whose behalf the task runs.
    case principal
    case profile
    /// The trust domain.
    case domain
}

/// The effect of a call that crosses the line.
package enum Consequence: String, PolicyChoice, Sendable {
    /// The call is denied.
    case deny
    /// The call waits for an approval.
    case ask
    /// The call is denied, and the agent suspended with all below it.
    case suspend
    /// The call is denied, and the agent's grants are revoked with all below them.
    case revoke
    /// The call is denied, and the agent ended with all below it.
    case deprovision

    /// Whether the agent is stopped, and not only its call.
    package var isStop: Bool {
        switch self {
        case .deny, .ask: false
        case .suspend, .revoke, .deprovision: true
        }
    }
}

/// The cost of a call that failed and of which nobody told the cost.
package enum OnFailure: String, PolicyChoice, Sendable {
    /// Nothing: what was reserved is given back.
    case refund
    /// All that was reserved: it may have had its effect.
    case spend
}

/// Whether a rule is enforced, or only decided and recorded.
package enum PolicyMode: String, PolicyChoice, Sendable {
    case enforce
    /// A call that it would deny is permitted, and recorded as `would_deny`.
    case observe
}
