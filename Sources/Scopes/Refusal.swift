internal import JOSE

/// Why a scope refuses a call.
public struct Refusal: Sendable {
    /// The reason codes of AAT step 6b.
    public enum Reason: String, Sendable {
        case toolNotAuthorized = "tool_not_authorized"
        case argumentNotPermitted = "argument_not_permitted"
        case argumentMissing = "argument_missing"
        case argumentConstraintViolated = "argument_constraint_violated"
        /// The call takes more work to check than one call is given.
        case tooCostly = "too_costly"
    }

    /// Why.
    public let reason: Reason
    /// The first argument at fault.
    public let argument: String?
    /// The constraint that refused it.
    public let constraint: Constraint?

    /// The longest name that a message has whole, in bytes: whoever calls may send one of a megabyte.
    package static let longestName = 256

    private static func short(_ name: String) -> String { name.beginning(atMost: longestName).printable }

    /// What it means, for people; the argument's name, never its value.
    public func explanation(tool: String) -> String {
        let (tool, argument) = (Self.short(tool), Self.short(argument ?? ""))
        switch reason {
        case .toolNotAuthorized: return "the tool \(tool) is not granted"
        case .argumentNotPermitted: return "the argument \(argument) of \(tool) is not granted"
        case .argumentMissing: return "the argument \(argument) of \(tool) must be given"
        case .argumentConstraintViolated:
            return "\(argument) of \(tool) must be \(constraint?.summary ?? "otherwise")"
        case .tooCostly:
            return
                "to check \(argument) of \(tool) takes more work than one call is given: send a shorter value, or grant it with fewer or simpler constraints"
        }
    }
}

/// In what a child scope goes beyond its parent.
public struct Expansion: Sendable, CustomStringConvertible {
    /// The reason codes of AAT step 4p.
    public enum Reason: String, Sendable {
        case toolNotDelegated = "tool_not_delegated"
        case argumentKeySetMismatch = "argument_key_set_mismatch"
        case constraintExpansion = "constraint_expansion"
        case constraintTypeNotPermitted = "constraint_type_not_permitted"
        /// The two take more work to compare than one operation is given.
        case tooCostly = "too_costly"
    }

    /// Why.
    public let reason: Reason
    /// The tool at fault.
    public let tool: String
    /// The argument at fault.
    public let argument: String?

    /// What it means, for people.
    public var description: String {
        let place = [tool, argument].compactMap { $0?.printable }.joined(separator: ".")
        switch reason {
        case .toolNotDelegated: return "\(place): the parent does not grant this tool"
        case .argumentKeySetMismatch: return "\(place): parent and child must constrain the same arguments"
        case .constraintExpansion: return "\(place): the constraint is wider than the parent's"
        case .constraintTypeNotPermitted: return "\(place): a constraint of this type is not below the parent's type"
        case .tooCostly:
            return
                "\(place): to compare this with the parent's takes more work than one chain is given: grant it with fewer, shorter or simpler constraints"
        }
    }
}
