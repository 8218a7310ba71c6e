/// Proof that a call was permitted. Only `authorize` of a guard or an agent makes one.
public struct Permit: Sendable {
    /// The decision, which permits.
    public let decision: Decision

    /// The decision's ID in the audit log; empty if it has none.
    public var id: String { decision.id }
}

// What is printed says no more than the answer: never a chain, a proof or an argument.
extension Decision: CustomStringConvertible {
    /// `permit`, or the reason and message of the denial.
    public var description: String { denial?.description ?? "permit" }
}

extension Permit: CustomStringConvertible {
    /// `permit`, and the decision's ID if it has one.
    public var description: String { id.isEmpty ? "permit" : "permit \(id)" }
}

extension Decision {
    /// The permit; `nil` for a denial.
    public var permit: Permit? { isPermitted ? Permit(decision: self) : nil }

    func permitted() throws(NotPermitted) -> Permit {
        guard let permit else { throw .denied(self) }
        return permit
    }
}

/// The reason why a call must not go on.
public enum NotPermitted: Error, Sendable, CustomStringConvertible {
    /// A rule refused the call: see ``Decision/denial``.
    case denied(Decision)
    /// A fault of the call or of the machine, which also refuses the call.
    case failed(AgentIDError)

    /// The rule that refused; `nil` for a fault.
    public var denial: Denial? {
        switch self {
        case .denied(let decision): decision.denial
        case .failed: nil
        }
    }

    /// The reason or the error's name, and the message.
    public var description: String {
        switch self {
        case .denied(let decision): decision.denial?.description ?? "denied"
        case .failed(let error): error.description
        }
    }
}

extension Guard {
    /// Permits one call by chain and proof, as received in headers, or throws.
    ///
    /// - Parameters:
    ///   - chain: Grants from the root to the caller's own, joined by `~`.
    ///   - proof: The caller's signature over this call.
    ///   - tool: The tool.
    ///   - arguments: A JSON object, the very bytes that the tool acts on.
    @discardableResult
    public func authorize(
        chain: String, proof: String, tool: String, arguments: [UInt8]
    ) throws(NotPermitted) -> Permit {
        try check(chain: chain, proof: proof, tool: tool, arguments: arguments).permitted()
    }

    /// Permits one call by chain and proof, or throws.
    @discardableResult
    public func authorize(
        chain: [UInt8], proof: [UInt8], tool: String, arguments: [UInt8]
    ) throws(NotPermitted) -> Permit {
        try check(chain: chain, proof: proof, tool: tool, arguments: arguments).permitted()
    }

    /// Permits one call by a presentation as received (AAT section 7.4), or throws.
    @discardableResult
    public func authorize(
        presentation: [UInt8], tool: String, arguments: [UInt8]
    ) throws(NotPermitted) -> Permit {
        try check(presentation: presentation, tool: tool, arguments: arguments).permitted()
    }

    /// Permits one call under an admitted chain, or throws.
    @discardableResult
    public func authorize(
        _ admission: Admission, proof: [UInt8], tool: String, arguments: [UInt8]
    ) throws(NotPermitted) -> Permit {
        try check(admission, proof: proof, tool: tool, arguments: arguments).permitted()
    }
}
