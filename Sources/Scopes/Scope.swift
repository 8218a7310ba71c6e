public import StrictJSON

/// Authority: exact tool names, with constraints on their arguments. Immutable; scopes form a meet-semilattice.
public struct Scope: Sendable, Equatable {
    /// The tools, sorted by name.
    public let tools: [ToolScope]

    /// The scope that permits nothing.
    public init() { tools = [] }

    init(tools: [ToolScope]) { self.tools = tools }

    /// Whether nothing is permitted.
    public var isEmpty: Bool { tools.isEmpty }

    /// Reads an AAT `tools` object (section 3.3). Like every operation here, it does at most some 15 ms of work, then
    /// throws `too_costly`.
    public init(parsing json: JSON.Value) throws(ScopeError) { try self.init(parsing: json, narrowing: Scope()) }

    /// Reads a `tools` object. Tools whose constraints have the same bytes in the parent are shared with it.
    public init(parsing json: JSON.Value, narrowing parent: Scope) throws(ScopeError) {
        var work = WorkBudget(steps: ScopeLimits.steps)
        try self.init(parsing: json, narrowing: parent, within: &work)
    }

    /// As ``init(parsing:narrowing:)``, charged to the budget of a larger operation.
    package init(
        parsing json: JSON.Value, narrowing parent: Scope, within work: inout WorkBudget
    ) throws(ScopeError) {
        guard json.kind == .object else {
            throw ScopeError("malformed", "a scope is an object of tools", position: json.position)
        }
        guard json.count <= ScopeLimits.tools else {
            throw ScopeError(
                "limit_exceeded", "a scope has at most \(ScopeLimits.tools) tools", position: json.position)
        }
        var tools: [ToolScope] = []
        tools.reserveCapacity(json.count)
        for (name, constraints) in json.members {
            let name = name.string ?? ""
            let above = parent[tool: name]
            guard work.spend(64 + constraints.sourceLength >> 5) else { throw ScopeError.tooCostly.at(tool: name) }
            if let above, let source = above.source, source.hasSameSource(as: constraints) {
                tools.append(above)
                continue
            }
            tools.append(
                try ToolScope(name: above?.name ?? name, parsing: constraints, narrowing: above, within: &work))
        }
        self.tools = tools.sorted { $0.name.isBefore($1.name) }
    }

    /// Reads a scope in either form: JSON if it starts with `{`, otherwise text.
    public init(_ description: String) throws(ScopeError) {
        let first = description.utf8.first { $0 != 0x20 && $0 != 0x0A && $0 != 0x0D && $0 != 0x09 }
        guard first == UInt8(ascii: "{") else {
            try self.init(text: description)
            return
        }
        let json: JSON
        do throws(JSON.ParseError) { json = try JSON(parsing: description) } catch {
            throw ScopeError("malformed", error.rule, position: error.position)
        }
        try self.init(parsing: json.root)
    }

    /// The tool with this name.
    public subscript(tool name: String) -> ToolScope? {
        var (low, high) = (0, tools.count)
        while low < high {
            let middle = low + (high - low) / 2
            if tools[middle].name.isExactly(name) { return tools[middle] }
            if tools[middle].name.isBefore(name) { low = middle + 1 } else { high = middle }
        }
        return nil
    }

    /// The reason for refusing a call; `nil` if it is permitted (AAT section 7, step 6b).
    public func refusal(of tool: String, arguments: JSON.Value) -> Refusal? {
        var work = WorkBudget(steps: ScopeLimits.steps)
        return refusal(of: tool, arguments: arguments, within: &work)
    }

    /// As ``refusal(of:arguments:)``, charged to the budget of a larger operation.
    package func refusal(of tool: String, arguments: JSON.Value, within work: inout WorkBudget) -> Refusal? {
        guard let tool = self[tool: tool] else {
            return Refusal(reason: .toolNotAuthorized, argument: nil, constraint: nil)
        }
        return tool.refusal(of: arguments, within: &work)
    }

    /// Whether a call is permitted.
    public func permits(_ tool: String, _ arguments: JSON.Value) -> Bool {
        refusal(of: tool, arguments: arguments) == nil
    }

    /// The first way in which a child exceeds this scope; `nil` if it is below (AAT section 4.5, step 4p).
    public func expansion(by child: Scope) -> Expansion? {
        var work = WorkBudget(steps: ScopeLimits.steps)
        return expansion(by: child, within: &work)
    }

    /// As ``expansion(by:)``, charged to the budget of a larger operation.
    package func expansion(by child: Scope, within work: inout WorkBudget) -> Expansion? {
        for tool in child.tools {
            guard let own = self[tool: tool.name] else {
                return Expansion(reason: .toolNotDelegated, tool: tool.name, argument: nil)
            }
            guard work.spend(16) else { return Expansion(reason: .tooCostly, tool: tool.name, argument: nil) }
            if own !== tool, let expansion = own.expansion(by: tool, within: &work) { return expansion }
        }
        return nil
    }

    /// Whether `child` is provably below this scope.
    public func subsumes(_ child: Scope) -> Bool { expansion(by: child) == nil }

    /// The scope in JSON form: an AAT `tools` object.
    public var tree: JSONTree {
        .members(tools.map { ($0.name, $0.tree) })
    }

    /// The same scope with every constraint in normal form: a child of any types can be intersected with it.
    public func normalized() throws(ScopeError) -> Scope {
        var work = WorkBudget(steps: ScopeLimits.steps)
        return try normalized(within: &work)
    }

    func normalized(within work: inout WorkBudget) throws(ScopeError) -> Scope {
        var normal: [ToolScope] = []
        for tool in tools { normal.append(try tool.normalized(within: &work)) }
        return Scope(tools: normal)
    }

    /// The intersection; tools of one side only are left out.
    public func meet(_ other: Scope) throws(ScopeError) -> Scope {
        var work = WorkBudget(steps: ScopeLimits.steps)
        var both: [ToolScope] = []
        for tool in tools {
            guard let theirs = other[tool: tool.name] else { continue }
            both.append(try tool.normalized(within: &work).narrowed(to: theirs, within: &work))
        }
        guard !both.isEmpty || isEmpty || other.isEmpty else {
            throw ScopeError("empty_intersection", "the scopes have no tool in common", tool: tools.first?.name)
        }
        return Scope(tools: both)
    }

    /// This ∩ request, for delegation: every requested tool must be here, and the result is below this scope.
    public func narrowed(to request: Scope) throws(ScopeError) -> Scope {
        var work = WorkBudget(steps: ScopeLimits.steps)
        return try narrowed(to: request, within: &work)
    }

    private func narrowed(to request: Scope, within work: inout WorkBudget) throws(ScopeError) -> Scope {
        var narrower: [ToolScope] = []
        for tool in request.tools {
            guard let own = self[tool: tool.name] else {
                throw ScopeError(
                    "not_below_parent", "this tool is not in the scope that is to be narrowed", tool: tool.name)
            }
            narrower.append(try own.narrowed(to: tool, within: &work))
        }
        return Scope(tools: narrower)
    }

    /// This ∩ a limit that is not derived from this scope, such as a principal's entitlements.
    public func narrowed(by limit: Scope) throws(ScopeError) -> Scope {
        var work = WorkBudget(steps: ScopeLimits.steps)
        return try limit.normalized(within: &work).narrowed(to: self, within: &work)
    }

    /// The part of this scope that is below a ceiling changed since; a tool that cannot be below it is left out.
    ///
    /// Throws `empty_intersection` if nothing is left.
    package func cut(by ceiling: Scope) throws(ScopeError) -> Scope {
        var left: [ToolScope] = []
        var work = WorkBudget(steps: ScopeLimits.steps)
        for tool in tools {
            guard let own = ceiling[tool: tool.name] else { continue }
            do throws(ScopeError) { left.append(try own.narrowed(to: tool, within: &work)) } catch {
                // Whatever exceeds the ceiling is left out; a comparison that fails is an error.
                guard ["empty_intersection", "not_below_parent"].contains(where: { $0.isExactly(error.name) }) else {
                    throw error
                }
            }
        }
        guard !left.isEmpty else {
            throw ScopeError("empty_intersection", "nothing of the scope is below the ceiling of now")
        }
        return Scope(tools: left)
    }

    /// Whether both have the same tools with the same constraints.
    public static func == (a: Scope, b: Scope) -> Bool {
        a.tools.count == b.tools.count && zip(a.tools, b.tools).allSatisfy { $0 === $1 || $0.isSame(as: $1) }
    }
}
