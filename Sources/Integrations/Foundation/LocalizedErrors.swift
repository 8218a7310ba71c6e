public import AgentID

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

// For programs that print `error.localizedDescription`: the fault, its place and its remedy.

extension AgentIDError: LocalizedError {
    /// The fault and its remedy.
    public var errorDescription: String? { description }
    /// The stable name.
    public var failureReason: String? { name }
}

extension Denial: LocalizedError {
    /// The denied call's rule and reason.
    public var errorDescription: String? { description }
    /// The reason's stable name.
    public var failureReason: String? { reason.rawValue }
}

extension ScopeError: LocalizedError {
    /// The fault, and where in the scope it is.
    public var errorDescription: String? { description }
    /// The stable name.
    public var failureReason: String? { name }
}

extension NotPermitted: LocalizedError {
    /// The denial with its reason, or the fault that left the call undecided.
    public var errorDescription: String? { "\(self)" }
}
