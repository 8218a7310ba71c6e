/// That a call was permitted: what `authorize` of a guard and of an agent return, and nobody else can make.
public struct Permit: Sendable {
    /// The decision, which permits.
    public let decision: Decision

    /// What the audit log knows it by; empty where there is none.
    public var id: String { decision.id }
}

extension Decision {
    /// The permit; `nil` for a denial.
    public var permit: Permit? { isPermitted ? Permit(decision: self) : nil }

    func permitted() throws(NotPermitted) -> Permit {
        guard let permit else { throw .denied(self) }
        return permit
    }
}

/// Why a call must not go on.
public enum NotPermitted: Error, Sendable, CustomStringConvertible {
    /// A rule said no: ``Decision/denial`` which.
    case denied(Decision)
    /// A fault of the call or of the machine, which means no as well.
    case failed(AgentIDError)

    /// The rule that said no; `nil` for a fault.
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
    /// Permits one call by chain and proof, as they came in a header, or throws.
    ///
    /// - Parameters:
    ///   - chain: grants from the root to the caller's own, joined by `~`.
    ///   - proof: the caller's signature over this call.
    ///   - tool: the tool.
    ///   - arguments: a JSON object, the very bytes that the tool acts on.
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

    /// Permits one call by a presentation as it came (AAT section 7.4), or throws.
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
