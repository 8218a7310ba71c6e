import Scopes

/// What a hop made of one tool of its parent's.
struct ToolChange {
    enum Fate {
        /// As the parent has it.
        case kept
        case narrowed
        case dropped
        /// More than the parent has: a guard denies it.
        case wider
        /// Of a tool that has no parent to compare it with.
        case granted
    }

    struct Argument {
        let name: String
        /// The constraint, as people read it; `nil` where there is none.
        let before: String?
        let after: String?
        var isChanged: Bool
    }

    let tool: String
    let fate: Fate
    /// Whether any arguments will do: no constraints are listed then.
    let wasOpen: Bool
    let isOpen: Bool
    let arguments: [Argument]

    /// Tool by tool, by name; what the child alone has comes last.
    static func list(from parent: Scope?, to child: Scope) -> [ToolChange] {
        guard let parent else { return child.tools.map { ToolChange(from: nil, to: $0, fate: .granted) } }
        let own = parent.tools.map { tool in
            guard let kept = child[tool: tool.name] else { return ToolChange(from: tool, to: nil, fate: .dropped) }
            return ToolChange(from: tool, to: kept, fate: tool.expansion(by: kept) == nil ? .narrowed : .wider)
        }
        return own
            + child.tools.filter { parent[tool: $0.name] == nil }.map { ToolChange(from: nil, to: $0, fate: .wider) }
    }

    private init(from parent: ToolScope?, to child: ToolScope?, fate: Fate) {
        tool = parent?.name ?? child?.name ?? ""
        (wasOpen, isOpen) = (parent?.isOpen ?? false, child?.isOpen ?? false)
        var arguments = (parent?.arguments ?? []).map { name, constraint in
            let after = child?.arguments.first { $0.name.utf8.elementsEqual(name.utf8) }?.constraint
            return Argument(
                name: name, before: constraint.summary, after: after?.summary, isChanged: after != constraint)
        }
        for (name, constraint) in child?.arguments ?? []
        where !arguments.contains(where: { $0.name.utf8.elementsEqual(name.utf8) }) {
            arguments.append(Argument(name: name, before: nil, after: constraint.summary, isChanged: true))
        }
        self.arguments = arguments
        let isSame = wasOpen == isOpen && !arguments.contains(where: \.isChanged)
        self.fate = fate == .narrowed && isSame ? .kept : fate
    }
}
