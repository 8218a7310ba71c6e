internal import StrictJSON

// The `members` constraint: an object's members, as a tool's map says what a call's arguments may be. Unlike there, a map
// without names is not open unless it says so.
extension ConstraintMap {
    /// Whether an object has the members it must have, and none that it may not.
    func permits(_ object: JSON.Value, within work: inout WorkBudget) -> Bool {
        let given = object.count
        guard admitsUnnamed || given <= entries.count else { return false }
        // Each name is looked for among all of them.
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

    /// As tokens carry it.
    var members: JSONTree.Members {
        var members: JSONTree.Members = ["members": .members(entries.map { ($0.name, $0.constraint.tree) })]
        let optional = entries.filter(\.isOptional)
        if !optional.isEmpty { members["optional_members"] = .array(optional.map { .string($0.name) }) }
        if admitsUnnamed { members["others"] = true }
        return members
    }
}
