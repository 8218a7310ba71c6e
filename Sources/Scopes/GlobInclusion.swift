/// Whether whatever one glob matches is matched by another, decided on their automata.
///
/// Walks the child's automaton together with the set of states the parent's may be in; a value that ends where the child
/// accepts and the parent does not is a counterexample. Exact, up to a budget of steps; past it the answer is no, which
/// only ever refuses a delegation.
struct GlobInclusion {
    private static let budget = 1 << 16
    /// A step makes and hashes a set of states: so many of the budget's.
    private static let stepCost = 24

    private enum Token: Equatable {
        case scalar(UInt32)
        case any, run, path
    }

    /// How far a value is from being a plain path: the last segment is empty, `.`, `..`, or anything else.
    private enum Segment: UInt8 { case empty, dot, dots, other }

    private struct Node: Hashable {
        var child: Int
        var parent: StateSet
        var segment: Segment
    }

    /// A scalar that stands in neither pattern.
    private static let stranger = UInt32.max
    private static let slash: UInt32 = 0x2F
    private static let dot: UInt32 = 0x2E

    private let child: [Token]
    private let parent: [Token]
    private let childIsAboutPaths: Bool
    private let parentIsAboutPaths: Bool
    private let symbols: [UInt32]

    static func holds(_ child: Glob, below parent: Glob, _ budget: inout WorkBudget) -> Bool {
        // To make both automata; most pairs are told apart, or found to be one, by their bytes.
        guard budget.spend(40 * (child.pattern.utf8.count + parent.pattern.utf8.count) + 100) else { return false }
        return child == parent || GlobInclusion(child, parent).isIncluded(&budget)
    }

    private init(_ child: Glob, _ parent: Glob) {
        self.child = Self.tokens(child.pattern)
        self.parent = Self.tokens(parent.pattern)
        childIsAboutPaths = child.isAboutPaths
        parentIsAboutPaths = parent.isAboutPaths
        var symbols: Set<UInt32> = [Self.stranger, Self.slash]
        if parentIsAboutPaths || childIsAboutPaths { symbols.formUnion([Self.dot, 0, 0x5C]) }
        for case .scalar(let scalar) in self.parent { symbols.insert(scalar) }
        self.symbols = Array(symbols)
    }

    private static func tokens(_ pattern: String) -> [Token] {
        var tokens: [Token] = []
        for scalar in pattern.unicodeScalars {
            switch scalar {
            case "*":
                if tokens.last == .run || tokens.last == .path {
                    tokens[tokens.count - 1] = .path
                } else {
                    tokens.append(.run)
                }
            case "?": tokens.append(.any)
            default: tokens.append(.scalar(scalar.value))
            }
        }
        return tokens
    }

    private func isIncluded(_ budget: inout WorkBudget) -> Bool {
        var steps = 0
        var start = StateSet()
        start.insert(0)
        skipRuns(&start)
        var seen: Set<Node> = []
        var open = [Node(child: 0, parent: start, segment: .empty)]
        while let node = open.popLast() {
            guard seen.insert(node).inserted else { continue }
            guard node.child < child.count else {
                if childAccepts(node), !parentAccepts(node) { return false }
                continue
            }
            if child[node.child] == .run || child[node.child] == .path {
                open.append(Node(child: node.child + 1, parent: node.parent, segment: node.segment))
            }
            for (symbol, next) in moves(from: node.child) {
                steps += 1 + node.parent.count
                guard steps <= Self.budget, budget.spend(Self.stepCost * (1 + node.parent.count)) else { return false }
                if let successor = successor(of: node, on: symbol, child: next) { open.append(successor) }
            }
        }
        return true
    }

    private func childAccepts(_ node: Node) -> Bool { !childIsAboutPaths || !endsInDots(node) }

    private func parentAccepts(_ node: Node) -> Bool {
        node.parent.contains(parent.count) && (!parentIsAboutPaths || !endsInDots(node))
    }

    private func endsInDots(_ node: Node) -> Bool { node.segment == .dot || node.segment == .dots }

    private func moves(from state: Int) -> [(symbol: UInt32, next: Int)] {
        switch child[state] {
        case .scalar(let scalar): [(scalar, state + 1)]
        case .any: symbols.filter { $0 != Self.slash }.map { ($0, state + 1) }
        case .run: symbols.filter { $0 != Self.slash }.map { ($0, state) }
        case .path: symbols.map { ($0, state) }
        }
    }

    private func successor(of node: Node, on symbol: UInt32, child next: Int) -> Node? {
        var parentStates = StateSet()
        node.parent.forEach { state in
            guard state < parent.count else { return }
            switch parent[state] {
            case .scalar(let scalar): if scalar == symbol { parentStates.insert(state + 1) }
            case .any: if symbol != Self.slash { parentStates.insert(state + 1) }
            case .run: if symbol != Self.slash { parentStates.insert(state) }
            case .path: parentStates.insert(state)
            }
        }
        skipRuns(&parentStates)
        guard parentIsAboutPaths || childIsAboutPaths else {
            return Node(child: next, parent: parentStates, segment: .other)
        }
        guard let segment = segment(behind: node.segment, symbol) else {
            // No plain path any more: the child matches none of these values, or the parent does not.
            return childIsAboutPaths ? nil : Node(child: next, parent: StateSet(), segment: .other)
        }
        return Node(child: next, parent: parentStates, segment: segment)
    }

    private func segment(behind segment: Segment, _ symbol: UInt32) -> Segment? {
        switch symbol {
        case 0, 0x5C: nil
        case Self.slash: segment == .dot || segment == .dots ? nil : .empty
        case Self.dot: segment == .empty ? .dot : segment == .dot ? .dots : .other
        default: .other
        }
    }

    private func skipRuns(_ states: inout StateSet) {
        for (i, token) in parent.enumerated() where (token == .run || token == .path) && states.contains(i) {
            states.insert(i + 1)
        }
    }
}
