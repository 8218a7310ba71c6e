/// A fault in a client's input that prevents reading it: the call is denied, and still counted and recorded.
package struct CallFault: Error {
    /// The input at fault.
    package enum Part: String, Sendable { case chain, credentials, proof, presentation, tool, arguments }

    let denial: Denial

    /// The input exceeds the length that is read.
    package static func tooLong(_ part: Part, _ count: Int) -> CallFault {
        CallFault(part, "it has \(count) bytes: at most 1 MiB is read")
    }

    /// The input is not text.
    package static func notText(_ part: Part, at position: Int) -> CallFault {
        CallFault(part, "it is not UTF-8 at byte \(position)")
    }

    /// The input is not a presentation.
    init(_ error: AgentIDError) {
        denial = Denial("presentation_malformed", error.message, at: error.place)
    }

    private init(_ part: Part, _ message: String) {
        let reason =
            switch part {
            case .chain, .credentials: "chain_too_long"
            case .proof: "pop_malformed"
            case .presentation: "presentation_malformed"
            case .tool: "tool_not_authorized"
            case .arguments: "arguments_malformed"
            }
        denial = Denial(reason, "\(part.rawValue): \(message)", at: part.rawValue)
    }
}

extension Guard {
    /// Denies a call that cannot be read. The agent is taken from its chain, if that can be read.
    package func refuse(_ fault: CallFault, tool: String, chain: [UInt8]) -> Decision {
        decision(on: tool, [], proof: nil, fault: fault.denial) { now throws(Denial) in
            try verify(chain, credentials: [], now: now)
        }
    }

    /// Denies a call that cannot be read, under an admitted chain.
    package func refuse(_ fault: CallFault, tool: String, _ admission: Admission) -> Decision {
        decision(on: tool, [], proof: nil, fault: fault.denial) { _ throws(Denial) in admission.chain }
    }

    /// Denies an unreadable chain that is to be admitted.
    package func refuse(_ fault: CallFault) -> Denial {
        refused(fault.denial, chain: nil)
        return fault.denial
    }

    /// Counts and records that a chain was not admitted: a decision on no tool.
    func refused(_ denial: Denial, chain: VerifiedChain?) {
        var decision = Decision(tool: "", time: clock.milliseconds)
        (decision.denial, decision.chain) = (denial, chain)
        if let trail, let auditMark {
            _ = try? trail.record(&decision, arguments: { nil }, by: auditMark, sequence: view?.sequence ?? 0)
        }
        count(decision)
    }
}
