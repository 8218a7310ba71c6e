internal import JOSE

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
    convenience init(name: String, parsing json: JSON.Value, narrowing parent: ToolScope?) throws(ScopeError) {
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
            if let shared = parent?.argument(argument, writtenAs: constraint) {
                arguments.append(shared)
                continue
            }
            let argument = argument.string ?? ""
            do throws(ScopeError) { arguments.append((argument, try Constraint(parsing: constraint))) } catch {
                throw error.at(tool: name, argument: argument)
            }
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
        name.isExactly(other.name) && arguments.count == other.arguments.count
            && zip(arguments, other.arguments).allSatisfy {
                $0.name.isExactly($1.name) && $0.constraint == $1.constraint
            }
    }

    /// Unknown arguments first, then missing ones, then the constraints (AAT section 7, step 6b).
    func refusal(of call: JSON.Value, _ budget: inout WorkBudget) -> Refusal? {
        guard !isOpen else { return nil }
        // As many members as arguments, and every argument among them: then none is unknown.
        var isSatisfied = call.count == arguments.count
        for (name, constraint) in arguments where isSatisfied {
            isSatisfied = call[name].map { constraint.permits($0, &budget) } ?? false
        }
        return isSatisfied ? nil : firstRefusal(of: call, &budget)
    }

    private func firstRefusal(of call: JSON.Value, _ budget: inout WorkBudget) -> Refusal? {
        for (name, _) in call.members {
            guard budget.spend(8 * arguments.count) else {
                return Refusal(reason: .tooCostly, argument: name.string, constraint: nil)
            }
            guard !arguments.contains(where: { name.equals($0.name) }) else { continue }
            return Refusal(reason: .argumentNotPermitted, argument: name.string, constraint: nil)
        }
        for (name, constraint) in arguments where call[name] == nil {
            return Refusal(reason: .argumentMissing, argument: name, constraint: constraint)
        }
        for (name, constraint) in arguments {
            guard let value = call[name], constraint.permits(value, &budget) else {
                return Refusal(
                    reason: budget.isSpent ? .tooCostly : .argumentConstraintViolated, argument: name,
                    constraint: constraint)
            }
        }
        return nil
    }

    /// What a child has beyond this tool; `nil` where it is below.
    package func expansion(by child: ToolScope) -> Expansion? {
        var budget = WorkBudget()
        return expansion(by: child, &budget)
    }

    func expansion(by child: ToolScope, _ budget: inout WorkBudget) -> Expansion? {
        guard !isOpen else { return nil }
        guard arguments.count == child.arguments.count,
            zip(arguments, child.arguments).allSatisfy({ $0.name.isExactly($1.name) })
        else {
            return Expansion(reason: .argumentKeySetMismatch, tool: name, argument: firstDiffering(from: child))
        }
        for ((argument, own), (_, theirs)) in zip(arguments, child.arguments) {
            let subsumption = Subsumption(of: theirs, under: own, &budget)
            guard !budget.isSpent else { return Expansion(reason: .tooCostly, tool: name, argument: argument) }
            switch subsumption {
            case .below: continue
            case .wider: return Expansion(reason: .constraintExpansion, tool: name, argument: argument)
            case .notPermitted: return Expansion(reason: .constraintTypeNotPermitted, tool: name, argument: argument)
            }
        }
        return nil
    }

    /// The first argument, by bytes, that only one of both constrains.
    private func firstDiffering(from other: ToolScope) -> String? {
        let (own, theirs) = (Set(arguments.map(\.name.exact)), Set(other.arguments.map(\.name.exact)))
        return own.symmetricDifference(theirs).min()?.string
    }

    var normalized: ToolScope {
        ToolScope(name: name, arguments: arguments.map { ($0.name, $0.constraint.normalized) })
    }

    /// With a budget of its own.
    func narrowed(to request: ToolScope) throws(ScopeError) -> ToolScope {
        var budget = WorkBudget()
        return try narrowed(to: request, &budget)
    }

    func narrowed(to request: ToolScope, _ budget: inout WorkBudget) throws(ScopeError) -> ToolScope {
        if isOpen { return request.normalized }
        if request.isOpen { return self }
        guard arguments.count == request.arguments.count,
            zip(arguments, request.arguments).allSatisfy({ $0.name.isExactly($1.name) })
        else {
            throw ScopeError(
                "empty_intersection", "both sides are closed and must constrain the same arguments", tool: name,
                argument: firstDiffering(from: request))
        }
        var narrower: [(name: String, constraint: Constraint)] = []
        for ((argument, own), (_, theirs)) in zip(arguments, request.arguments) {
            do throws(ScopeError) { narrower.append((argument, try own.narrowed(to: theirs, &budget))) } catch {
                throw error.at(tool: name, argument: argument)
            }
        }
        return ToolScope(name: name, arguments: narrower)
    }
}
