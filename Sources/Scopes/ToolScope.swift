package import JOSE

/// One tool of a scope, compiled: an empty map is open (any arguments), any other closed (exactly those).
public final class ToolScope: Sendable {
    /// The tool's name.
    public let name: String
    /// The constraints, sorted by argument.
    public let arguments: [(name: String, constraint: Constraint)]
    /// Where the constraints were read.
    let source: JSON.Value?

    init(name: String, arguments: [(name: String, constraint: Constraint)], source: JSON.Value? = nil) {
        self.name = name
        self.arguments = arguments.sorted { $0.name.isBefore($1.name) }
        self.source = source
    }

    /// Reads one tool of a `tools` object, sharing with its parent each constraint that stands there as the same bytes.
    convenience init(
        name: String, parsing json: JSON.Value, narrowing parent: ToolScope?, within work: inout WorkBudget
    ) throws(ScopeError) {
        guard (1...ScopeLimits.toolName).contains(name.utf8.count) else {
            throw ScopeError(
                "limit_exceeded", "a tool's name has 1 to \(ScopeLimits.toolName) bytes", position: json.position)
        }
        guard json.kind == .object, json.count <= ScopeLimits.constraints else {
            throw ScopeError(
                "malformed", "a tool has an object of at most \(ScopeLimits.constraints) constraints", tool: name,
                position: json.position)
        }
        var arguments: [(name: String, constraint: Constraint)] = []
        arguments.reserveCapacity(json.count)
        for (argument, constraint) in json.members {
            guard work.spend(16 + json.count) else { throw ScopeError.tooCostly.at(tool: name) }
            if let shared = parent?.argument(argument, writtenAs: constraint) {
                arguments.append(shared)
                continue
            }
            let argument = argument.string ?? ""
            do throws(ScopeError) {
                arguments.append((argument, try Constraint(parsing: constraint, within: &work)))
            } catch { throw error.at(tool: name, argument: argument) }
        }
        self.init(name: name, arguments: arguments, source: json)
    }

    /// This tool's constraint on an argument, where it was read from the very same bytes.
    private func argument(_ name: JSON.Value, writtenAs json: JSON.Value) -> (name: String, constraint: Constraint)? {
        guard let own = arguments.first(where: { name.equals($0.name) }),
            let source = source?[own.name], source.hasSameSource(as: json)
        else { return nil }
        return own
    }

    /// Whether any arguments will do.
    public var isOpen: Bool { arguments.isEmpty }

    var tree: JSONTree {
        .members(arguments.map { ($0.name, $0.constraint.tree) })
    }

    func isSame(as other: ToolScope) -> Bool {
        name.isExactly(other.name) && hasSameArguments(as: other)
            && zip(arguments, other.arguments).allSatisfy { $0.constraint == $1.constraint }
    }

    private func hasSameArguments(as other: ToolScope) -> Bool {
        arguments.count == other.arguments.count
            && zip(arguments, other.arguments).allSatisfy { $0.name.isExactly($1.name) }
    }

    /// The first argument, by its bytes, that one of two tools constrains and the other does not.
    private func firstDiffering(from other: ToolScope) -> String? {
        let theirs = Set(other.arguments.map(\.name.exact))
        let own = Set(arguments.map(\.name.exact))
        return own.symmetricDifference(theirs).min()?.string
    }

    /// Unknown arguments first, then missing ones, then the constraints (AAT section 7, step 6b).
    func refusal(of call: JSON.Value, within work: inout WorkBudget) -> Refusal? {
        guard !isOpen else { return nil }
        // As many members as arguments, and every argument among them: then none is unknown.
        guard call.count == arguments.count else { return refusalOfNames(of: call) }
        for (name, constraint) in arguments {
            guard let value = call[name] else { return refusalOfNames(of: call) }
            let isSatisfied = constraint.permits(value, within: &work)
            if work.isExhausted { return Refusal(reason: .tooCostly, argument: name, constraint: constraint) }
            if !isSatisfied {
                return refusalOfNames(of: call)
                    ?? Refusal(reason: .argumentConstraintViolated, argument: name, constraint: constraint)
            }
        }
        return nil
    }

    /// No more than one argument that is unknown is looked for past those there may be.
    private func refusalOfNames(of call: JSON.Value) -> Refusal? {
        for (name, _) in call.members where !arguments.contains(where: { name.equals($0.name) }) {
            return Refusal(reason: .argumentNotPermitted, argument: name.string, constraint: nil)
        }
        for (name, constraint) in arguments where call[name] == nil {
            return Refusal(reason: .argumentMissing, argument: name, constraint: constraint)
        }
        return nil
    }

    /// What a child has beyond this tool; `nil` where it is below.
    package func expansion(by child: ToolScope) -> Expansion? {
        var work = WorkBudget(steps: ScopeLimits.steps)
        return expansion(by: child, within: &work)
    }

    /// As ``expansion(by:)``, out of the budget of a larger operation.
    package func expansion(by child: ToolScope, within work: inout WorkBudget) -> Expansion? {
        guard !isOpen else { return nil }
        guard hasSameArguments(as: child) else {
            return Expansion(reason: .argumentKeySetMismatch, tool: name, argument: firstDiffering(from: child))
        }
        for ((argument, own), (_, theirs)) in zip(arguments, child.arguments) {
            let subsumption = Subsumption(of: theirs, under: own, within: &work)
            guard !work.isExhausted else { return Expansion(reason: .tooCostly, tool: name, argument: argument) }
            switch subsumption {
            case .below: continue
            case .wider: return Expansion(reason: .constraintExpansion, tool: name, argument: argument)
            case .notPermitted: return Expansion(reason: .constraintTypeNotPermitted, tool: name, argument: argument)
            }
        }
        return nil
    }

    func normalized(within work: inout WorkBudget) throws(ScopeError) -> ToolScope {
        var normal: [(name: String, constraint: Constraint)] = []
        for (argument, constraint) in arguments {
            do throws(ScopeError) { normal.append((argument, try constraint.normalized(within: &work))) } catch {
                throw error.at(tool: name, argument: argument)
            }
        }
        return ToolScope(name: name, arguments: normal)
    }

    func narrowed(to request: ToolScope, within work: inout WorkBudget) throws(ScopeError) -> ToolScope {
        if isOpen { return try request.normalized(within: &work) }
        if request.isOpen { return self }
        guard hasSameArguments(as: request) else {
            throw ScopeError(
                "empty_intersection", "both sides are closed and must constrain the same arguments", tool: name,
                argument: firstDiffering(from: request))
        }
        var narrower: [(name: String, constraint: Constraint)] = []
        for ((argument, own), (_, theirs)) in zip(arguments, request.arguments) {
            do throws(ScopeError) { narrower.append((argument, try own.narrowed(to: theirs, within: &work))) } catch {
                throw error.at(tool: name, argument: argument)
            }
        }
        return ToolScope(name: name, arguments: narrower)
    }
}
