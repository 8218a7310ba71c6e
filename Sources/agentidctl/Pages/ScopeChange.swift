import Scopes
import StrictJSON

/// The change that a hop made to one tool of its parent's.
struct ToolChange {
    enum Fate {
        /// Unchanged.
        case kept
        case narrowed
        case dropped
        /// More than the parent has: a guard denies it.
        case wider
        /// A tool without a parent to compare it with.
        case granted
    }

    struct Argument {
        let name: String
        /// The constraint for people; `nil` if the argument is not named.
        let before: String?
        let after: String?
        var isChanged: Bool
    }

    let tool: String
    let fate: Fate
    /// Whether any arguments are permitted: then no constraints are listed.
    let wasOpen: Bool
    let isOpen: Bool
    let arguments: [Argument]

    /// The changes tool by tool, by name; tools that only the child has come last.
    ///
    /// Tools beyond the budget are shown as wider: a guard has no larger budget and denies them.
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

    private static func said(_ argument: NamedConstraint) -> String {
        argument.isOptional ? "\(argument.constraint.summary), or left out" : argument.constraint.summary
    }

    private static func admitsOthers(_ tool: ToolScope?) -> Bool {
        tool.map { $0.admitsUnnamed && !$0.isOpen } ?? false
    }

    private init(from parent: ToolScope?, to child: ToolScope?, fate: Fate, within work: inout WorkBudget) {
        tool = parent?.name ?? child?.name ?? ""
        (wasOpen, isOpen) = (parent?.isOpen ?? false, child?.isOpen ?? false)
        var arguments = (parent?.arguments ?? []).map { own in
            let after = child?.arguments.first { $0.name.utf8.elementsEqual(own.name.utf8) }
            let isSame =
                after.map {
                    $0.isOptional == own.isOptional && $0.constraint.isSame(as: own.constraint, within: &work)
                } ?? false
            return Argument(
                name: own.name, before: Self.said(own), after: after.map { Self.said($0) }, isChanged: !isSame)
        }
        for theirs in child?.arguments ?? []
        where !arguments.contains(where: { $0.name.utf8.elementsEqual(theirs.name.utf8) }) {
            arguments.append(Argument(name: theirs.name, before: nil, after: Self.said(theirs), isChanged: true))
        }
        // An open tool is shown as open; a tool that names some arguments and admits others shows the others as one
        // more argument.
        let (had, has) = (Self.admitsOthers(parent), Self.admitsOthers(child))
        if had || has {
            let change = (had ? "anything" : nil, has ? "anything" : nil)
            arguments.append(
                Argument(
                    name: "any other argument", before: change.0, after: change.1,
                    isChanged: had != has && !wasOpen && !isOpen))
        }
        self.arguments = arguments
        let isSame = wasOpen == isOpen && !arguments.contains(where: \.isChanged)
        self.fate = fate == .narrowed && isSame ? .kept : fate
    }
}
