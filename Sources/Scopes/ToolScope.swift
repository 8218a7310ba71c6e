package import StrictJSON

/// One tool of a scope, compiled. An empty map is open: it permits any arguments. Any other map permits exactly the
/// arguments that it names. Optional ones may be left out, and the entry `"*"` admits others.
public final class ToolScope: Sendable {
    /// The tool's name.
    public let name: String
    /// The constraints on the arguments.
    let map: ConstraintMap
    /// The JSON that the constraints were read from.
    let source: JSON.Value?

    init(name: String, _ map: ConstraintMap, source: JSON.Value? = nil) {
        (self.name, self.map, self.source) = (name, map, source)
    }

    /// Reads one tool of a `tools` object. Constraints that have the same bytes in the parent are shared with it.
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
        var arguments: [NamedConstraint] = []
        arguments.reserveCapacity(json.count)
        var admitsUnnamed = json.count == 0
        for (argument, constraint) in json.members {
            guard work.spend(16 + json.count) else { throw ScopeError.tooCostly.at(tool: name) }
            if argument.equals(Self.unnamed) {
                do throws(ScopeError) { try Constraint.checkUnnamed(constraint) } catch {
                    throw error.at(tool: name, argument: Self.unnamed)
                }
                admitsUnnamed = true
                continue
            }
            if let shared = parent?.argument(argument, writtenAs: constraint) {
                arguments.append(shared)
                continue
            }
            let argument = argument.string ?? ""
            do throws(ScopeError) {
                let isOptional = try Constraint.isOptional(constraint)
                let constraint = try Constraint(parsing: constraint, asEntry: true, within: &work)
                arguments.append(NamedConstraint(argument, constraint, isOptional: isOptional))
            } catch { throw error.at(tool: name, argument: argument) }
        }
        self.init(name: name, ConstraintMap(arguments, admitsUnnamed: admitsUnnamed), source: json)
    }

    /// The reserved key for every argument that a map does not name.
    static let unnamed = "*"

    /// This tool's constraint on an argument, if it was read from the very same bytes.
    private func argument(_ name: JSON.Value, writtenAs json: JSON.Value) -> NamedConstraint? {
        guard let own = arguments.first(where: { name.equals($0.name) }),
            let source = source?[own.name], source.hasSameSource(as: json)
        else { return nil }
        return own
    }

    /// The named arguments, sorted.
    public var arguments: [NamedConstraint] { map.entries }

    /// Whether unnamed arguments may be given, with any value.
    public var admitsUnnamed: Bool { map.admitsUnnamed }

    /// Whether any arguments are permitted.
    public var isOpen: Bool { map.isOpen }

    var tree: JSONTree {
        guard !isOpen else { return .members([]) }
        var members = arguments.map { (name: $0.name, value: $0.constraint.tree(isOptional: $0.isOptional)) }
        if admitsUnnamed { members.append((Self.unnamed, Constraint.wildcard.tree)) }
        return .members(members)
    }

    func isSame(as other: ToolScope) -> Bool {
        var work = WorkBudget.unlimited
        return name.isExactly(other.name) && map.isSame(as: other.map, within: &work)
    }

    /// Checks for unknown arguments first, then for missing ones, then the constraints (AAT section 8, step 6b).
    func refusal(of call: JSON.Value, within work: inout WorkBudget) -> Refusal? {
        if let number = call.inexactNumber { return refusal(ofNumber: number, in: call) }
        guard !isOpen else { return nil }
        let (arguments, given) = (map.entries, call.count)
        // If there are no more members than arguments, and every one of them was found, none is unknown.
        if given > arguments.count {
            guard admitsUnnamed else { return refusalOfNames(of: call) }
            guard work.spend(2 * given * arguments.count) else { return Self.tooCostly(arguments.first) }
        }
        var found = 0
        // By index: copying each would cost reference counts.
        for i in arguments.indices {
            guard let value = call[arguments[i].name] else {
                if arguments[i].isOptional { continue }
                return refusalOfNames(of: call)
            }
            found += 1
            let isSatisfied = arguments[i].constraint.permits(value, within: &work)
            if work.isExhausted { return Self.tooCostly(arguments[i]) }
            if !isSatisfied {
                return refusalOfNames(of: call)
                    ?? Refusal(
                        reason: .argumentConstraintViolated, argument: arguments[i].name,
                        constraint: arguments[i].constraint)
            }
        }
        return found == given || admitsUnnamed ? nil : refusalOfNames(of: call)
    }

    private static func tooCostly(_ argument: NamedConstraint?) -> Refusal {
        Refusal(reason: .tooCostly, argument: argument?.name, constraint: argument?.constraint)
    }

    /// Looks no further than one argument past the number that may be given: one of those is unknown.
    private func refusalOfNames(of call: JSON.Value) -> Refusal? {
        for (name, _) in call.members where !admitsUnnamed {
            guard arguments.contains(where: { name.equals($0.name) }) else {
                return Refusal(reason: .argumentNotPermitted, argument: name.string, constraint: nil)
            }
        }
        for argument in arguments where !argument.isOptional && call[argument.name] == nil {
            return Refusal(reason: .argumentMissing, argument: argument.name, constraint: argument.constraint)
        }
        return nil
    }

    /// Step 6b: no call may have a number that double precision does not keep, whatever the constraints.
    private func refusal(ofNumber number: JSON.Value, in call: JSON.Value) -> Refusal {
        let argument = call.members.first { $0.value.inexactNumber != nil }?.name.string
        return Refusal(reason: .argumentsMalformed, argument: argument, constraint: nil)
    }

    /// The first way in which a child exceeds this tool; `nil` if it is below.
    package func expansion(by child: ToolScope) -> Expansion? {
        var work = WorkBudget(steps: ScopeLimits.steps)
        return expansion(by: child, within: &work)
    }

    /// As ``expansion(by:)``, charged to the budget of a larger operation.
    package func expansion(by child: ToolScope, within work: inout WorkBudget) -> Expansion? {
        map.excess(of: child.map, within: &work).map {
            Expansion(reason: $0.reason, tool: name, argument: $0.name, rule: $0.rule)
        }
    }

    func normalized(within work: inout WorkBudget) throws(ScopeError) -> ToolScope {
        do throws(ScopeError) { return ToolScope(name: name, try map.normalized(within: &work)) } catch {
            throw error.at(tool: name)
        }
    }

    func narrowed(to request: ToolScope, within work: inout WorkBudget) throws(ScopeError) -> ToolScope {
        do throws(ScopeError) {
            return ToolScope(name: name, try map.narrowed(to: request.map, within: &work))
        } catch { throw error.at(tool: name) }
    }
}
