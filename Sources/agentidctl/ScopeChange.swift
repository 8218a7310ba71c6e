import JOSE
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
    ///
    /// What the budget does not suffice for is shown as wider: a guard, which has no more, denies it.
    static func list(from parent: Scope?, to child: Scope, within work: inout WorkBudget) -> [ToolChange] {
        var changes: [ToolChange] = []
        for tool in parent?.tools ?? [] {
            guard let kept = child[tool: tool.name] else {
                changes.append(ToolChange(from: tool, to: nil, fate: .dropped, within: &work))
                continue
            }
            let isBelow = kept === tool || tool.expansion(by: kept, within: &work) == nil
            changes.append(ToolChange(from: tool, to: kept, fate: isBelow ? .narrowed : .wider, within: &work))
        }
        for tool in child.tools where parent?[tool: tool.name] == nil {
            let fate = parent == nil ? Fate.granted : .wider
            changes.append(ToolChange(from: nil, to: tool, fate: fate, within: &work))
        }
        return changes
    }

    private init(from parent: ToolScope?, to child: ToolScope?, fate: Fate, within work: inout WorkBudget) {
        tool = parent?.name ?? child?.name ?? ""
        (wasOpen, isOpen) = (parent?.isOpen ?? false, child?.isOpen ?? false)
        var arguments = (parent?.arguments ?? []).map { name, constraint in
            let after = child?.arguments.first { $0.name.utf8.elementsEqual(name.utf8) }?.constraint
            let isSame = after.map { $0.isSame(as: constraint, within: &work) } ?? false
            return Argument(name: name, before: constraint.summary, after: after?.summary, isChanged: !isSame)
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
