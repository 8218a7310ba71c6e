#if SPIFFE
    public import AgentID

    /// The reason why an agent gets no SVID.
    public enum NoSVID: Error, Sendable, CustomStringConvertible {
        /// The authority does not let the agent act: it is suspended, parked, revoked, or another domain's.
        case denied(Denial)
        /// A fault of the call or of the machine; also of an agent that has ended or was closed.
        case failed(AgentIDError)

        /// The stable name: a denial's reason, or an error's name.
        public var name: String {
            switch self {
            case .denied(let denial): denial.reason.rawValue
            case .failed(let error): error.name
            }
        }

        /// The fault and its remedy, for people.
        public var description: String {
            switch self {
            case .denied(let denial): denial.description
            case .failed(let error): error.description
            }
        }
    }
#endif
