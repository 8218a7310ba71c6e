internal import StrictJSON

/// The names that a call's arguments may have, with a constraint for each (AAT section 3.3). Some names may be
/// optional, and the entry `"*"` admits any other names, with any value.
struct ConstraintMap: Sendable {
    /// Sorted by name.
    let entries: [NamedConstraint]
    /// Whether other names than these are admitted.
    let admitsUnnamed: Bool
    /// The cost of comparing the names, in steps.
    private let namesCost: Int

    init(_ entries: [NamedConstraint], admitsUnnamed: Bool) {
        self.entries = entries.sorted { $0.name.isBefore($1.name) }
        self.admitsUnnamed = admitsUnnamed
        namesCost = entries.reduce(2) { $0 + 2 + $1.name.utf8.count >> 3 }
    }

    /// Any names with any values.
    static let open = ConstraintMap([], admitsUnnamed: true)

    var isOpen: Bool { admitsUnnamed && entries.isEmpty }

    func isSame(as other: ConstraintMap, within work: inout WorkBudget) -> Bool {
        guard admitsUnnamed == other.admitsUnnamed, work.spend(namesCost), hasSameNames(as: other) else { return false }
        for (own, theirs) in zip(entries, other.entries) {
            guard own.isOptional == theirs.isOptional, own.constraint.isSame(as: theirs.constraint, within: &work)
            else { return false }
        }
        return true
    }

    func hasSameNames(as other: ConstraintMap) -> Bool {
        entries.count == other.entries.count
            && zip(entries, other.entries).allSatisfy { $0.name.isExactly($1.name) }
    }

    /// Spends the cost of finding the names of one map among those of the other.
    func spendJoining(_ other: ConstraintMap, within work: inout WorkBudget) -> Bool {
        work.spend(4 * (namesCost + other.namesCost))
    }

    /// The names of both maps in their order, each with its entries.
    func joined(
        with other: ConstraintMap
    ) -> [(name: String, own: NamedConstraint?, theirs: NamedConstraint?)] {
        var joined: [(name: String, own: NamedConstraint?, theirs: NamedConstraint?)] = []
        joined.reserveCapacity(max(entries.count, other.entries.count))
        var (i, j) = (0, 0)
        while i < entries.count || j < other.entries.count {
            let own = i < entries.count ? entries[i] : nil
            let theirs = j < other.entries.count ? other.entries[j] : nil
            if let own, let theirs, own.name.isExactly(theirs.name) {
                joined.append((own.name, own, theirs))
                (i, j) = (i + 1, j + 1)
            } else if let own, theirs.map({ own.name.isBefore($0.name) }) ?? true {
                joined.append((own.name, own, nil))
                i += 1
            } else if let theirs {
                joined.append((theirs.name, nil, theirs))
                j += 1
            }
        }
        return joined
    }
}

/// One argument that a scope names.
public struct NamedConstraint: Sendable {
    /// The argument's name.
    public let name: String
    /// The constraint on its value.
    public let constraint: Constraint
    /// Whether it may be left out.
    public let isOptional: Bool

    init(_ name: String, _ constraint: Constraint, isOptional: Bool = false) {
        (self.name, self.constraint, self.isOptional) = (name, constraint, isOptional)
    }
}

extension ConstraintMap {
    /// A part of a child's map that exceeds its parent's.
    struct Excess {
        let reason: Expansion.Reason
        let name: String
        var rule: Expansion.KeyRule?
    }

    /// The first part of a child's map that exceeds this one; `nil` if it is below (AAT section 4.5, steps 4p2 to 4p4).
    func excess(of child: ConstraintMap, within work: inout WorkBudget) -> Excess? {
        if isOpen { return nil }
        guard work.spend(namesCost + child.namesCost) else {
            return Excess(reason: .tooCostly, name: entries.first?.name ?? "*")
        }
        guard hasSameNames(as: child) else { return excessOfNames(in: child) ?? excessOfNamed(in: child, &work) }
        if child.admitsUnnamed, !admitsUnnamed {
            return Excess(reason: .argumentKeySetMismatch, name: "*", rule: .admitsUnnamed)
        }
        for (own, theirs) in zip(entries, child.entries) where theirs.isOptional && !own.isOptional {
            return Excess(reason: .argumentKeySetMismatch, name: own.name, rule: .mayBeLeftOut)
        }
        for (own, theirs) in zip(entries, child.entries) {
            if let excess = Self.excess(of: theirs, under: own.constraint, within: &work) { return excess }
        }
        return nil
    }

    /// Steps 4p2 and 4p3, for maps whose names differ.
    private func excessOfNames(in child: ConstraintMap) -> Excess? {
        let joined = joined(with: child)
        for case let (name, own, theirs) in joined {
            let rule: Expansion.KeyRule?
            switch (own, theirs) {
            case (nil, .some): rule = admitsUnnamed ? nil : .isNotNamed
            case (.some(let own), nil) where !own.isOptional: rule = .isRequired
            case (.some, nil): rule = child.admitsUnnamed ? .returnsUnnamed : nil
            default: rule = nil
            }
            if let rule { return Excess(reason: .argumentKeySetMismatch, name: name, rule: rule) }
        }
        if child.admitsUnnamed, !admitsUnnamed {
            return Excess(reason: .argumentKeySetMismatch, name: "*", rule: .admitsUnnamed)
        }
        for case let (name, own?, theirs?) in joined where theirs.isOptional && !own.isOptional {
            return Excess(reason: .argumentKeySetMismatch, name: name, rule: .mayBeLeftOut)
        }
        return nil
    }

    /// Step 4p4, for maps whose names differ. A name that the parent does not have is under its `"*"`, a wildcard.
    private func excessOfNamed(in child: ConstraintMap, _ work: inout WorkBudget) -> Excess? {
        for case let (_, own?, theirs?) in joined(with: child) {
            if let excess = Self.excess(of: theirs, under: own.constraint, within: &work) { return excess }
        }
        return nil
    }

    private static func excess(
        of child: NamedConstraint, under parent: Constraint, within work: inout WorkBudget
    ) -> Excess? {
        let subsumption = Subsumption(of: child.constraint, under: parent, within: &work)
        guard !work.isExhausted else { return Excess(reason: .tooCostly, name: child.name) }
        switch subsumption {
        case .below: return nil
        case .wider: return Excess(reason: .constraintExpansion, name: child.name)
        case .notPermitted: return Excess(reason: .constraintTypeNotPermitted, name: child.name)
        }
    }
}
