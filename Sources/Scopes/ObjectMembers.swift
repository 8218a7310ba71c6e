internal import StrictJSON

// The `members` constraint limits an object's members as a tool's map limits a call's arguments. Unlike there, a map
// without names is not open unless it says so.
extension ConstraintMap {
    /// Whether an object has all required members, and only permitted ones.
    func permits(_ object: JSON.Value, within work: inout WorkBudget) -> Bool {
        let given = object.count
        guard admitsUnnamed || given <= entries.count else { return false }
        // Each name is searched for among all of them.
        guard work.spend(4 + entries.count * (4 + given * 2 + object.sourceLength >> 5)) else { return false }
        var found = 0
        for entry in entries {
            guard let value = object[entry.name] else {
                if entry.isOptional { continue }
                return false
            }
            found += 1
            guard entry.constraint.permits(value, within: &work) else { return false }
        }
        return found == given || admitsUnnamed
    }

    /// The members as written in tokens.
    var members: JSONTree.Members {
        var members: JSONTree.Members = ["members": .members(entries.map { ($0.name, $0.constraint.tree) })]
        let optional = entries.filter(\.isOptional)
        if !optional.isEmpty { members["optional_members"] = .array(optional.map { .string($0.name) }) }
        if admitsUnnamed { members["others"] = true }
        return members
    }
}
