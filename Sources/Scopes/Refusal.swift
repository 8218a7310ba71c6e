internal import StrictJSON

/// A scope's refusal of a call.
public struct Refusal: Sendable {
    /// The reason codes of AAT step 6b.
    public enum Reason: String, Sendable {
        case toolNotAuthorized = "tool_not_authorized"
        case argumentNotPermitted = "argument_not_permitted"
        case argumentMissing = "argument_missing"
        case argumentConstraintViolated = "argument_constraint_violated"
        /// A number that double precision does not keep as written.
        case argumentsMalformed = "arguments_malformed"
        /// Checking the call takes more work than one call may.
        case tooCostly = "too_costly"
    }

    /// The reason.
    public let reason: Reason
    /// The first argument at fault.
    public let argument: String?
    /// The constraint that refused it.
    public let constraint: Constraint?

    /// The longest name that a message quotes whole, in bytes: a caller may send one of a megabyte.
    package static let longestName = 256

    private static func short(_ name: String) -> String { name.beginning(atMost: longestName).printable }

    /// An explanation for people. It has the argument's name, never its value.
    public func explanation(tool: String) -> String {
        let (tool, argument) = (Self.short(tool), Self.short(argument ?? ""))
        switch reason {
        case .toolNotAuthorized: return tool.isEmpty ? "no tool is named" : "the tool \(tool) is not granted"
        case .argumentNotPermitted: return "the argument \(argument) of \(tool) is not granted"
        case .argumentMissing: return "the argument \(argument) of \(tool) must be given"
        case .argumentConstraintViolated:
            return "\(argument) of \(tool) must be \(constraint?.summary ?? "otherwise")"
        case .argumentsMalformed:
            return
                "\(argument) of \(tool) holds a number with more digits than double precision keeps: send it as a string"
        case .tooCostly:
            return
                "to check \(argument) of \(tool) takes more work than one call is given: send a shorter value, or grant it with fewer or simpler constraints"
        }
    }
}

/// A way in which a child scope exceeds its parent.
public struct Expansion: Sendable, CustomStringConvertible {
    /// The reason codes of AAT step 4p.
    public enum Reason: String, Sendable {
        case toolNotDelegated = "tool_not_delegated"
        case argumentKeySetMismatch = "argument_key_set_mismatch"
        case constraintExpansion = "constraint_expansion"
        case constraintTypeNotPermitted = "constraint_type_not_permitted"
        /// Comparing the two takes more work than one operation may.
        case tooCostly = "too_costly"
    }

    /// A rule for the arguments that a child's map may name (AAT section 4.5).
    enum KeyRule: Sendable {
        /// The child names an argument that the parent does not permit.
        case isNotNamed
        /// The child leaves out an argument that the parent requires.
        case isRequired
        /// The child leaves out an argument that the parent restricts, and permits it under its `"*"`.
        case returnsUnnamed
        /// The child admits unnamed arguments, the parent does not.
        case admitsUnnamed
        /// The child makes an argument optional that the parent requires.
        case mayBeLeftOut

        var explanation: String {
            switch self {
            case .isNotNamed: "the parent does not permit this argument"
            case .isRequired: "the parent requires this argument, and the child does not name it"
            case .returnsUnnamed:
                "the parent restricts this argument: a child with `*` must name it, or it could have any value"
            case .admitsUnnamed: "the child permits arguments that are not named, the parent does not"
            case .mayBeLeftOut: "the parent requires this argument, and the child makes it optional"
            }
        }
    }

    /// The reason.
    public let reason: Reason
    /// The tool at fault.
    public let tool: String
    /// The argument at fault.
    public let argument: String?
    let rule: KeyRule?

    init(reason: Reason, tool: String, argument: String?, rule: KeyRule? = nil) {
        (self.reason, self.tool, self.argument, self.rule) = (reason, tool, argument, rule)
    }

    /// An explanation for people.
    public var description: String {
        let place = [tool, argument].compactMap { $0?.printable }.joined(separator: ".")
        switch reason {
        case .toolNotDelegated: return "\(place): the parent does not grant this tool"
        case .argumentKeySetMismatch:
            return "\(place): \(rule?.explanation ?? "the child's arguments are not those of the parent")"
        case .constraintExpansion: return "\(place): the constraint is wider than the parent's"
        case .constraintTypeNotPermitted: return "\(place): a constraint of this type is not below the parent's type"
        case .tooCostly:
            return
                "\(place): to compare this with the parent's takes more work than one chain is given: grant it with fewer, shorter or simpler constraints"
        }
    }
}
