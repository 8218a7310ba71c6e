internal import StrictJSON

/// Decides whether one glob matches everything that another does.
///
/// The texts alone settle most pairs (``GlobPair``). For the rest, the child's automaton is walked together with the
/// set of states that the parent's may be in. A value that ends where the child accepts and the parent does not is a
/// counterexample. The answer is exact up to a bound of moves for each pair; past it the answer is no, which only ever
/// refuses a delegation.
struct GlobInclusion {
    private static let mostMoves = 1 << 15

    private enum Token: Equatable {
        case scalar(UInt32)
        case any, run, path
    }

    /// The ways in which a value may fail to be a plain path: the last segment is empty, `.`, `..`, or anything else.
    private enum Segment: UInt8 { case empty, dot, dots, other }

    private struct Node: Hashable {
        var child: Int
        var parent: StateSet
        var segment: Segment
    }

    /// A scalar that is in neither pattern.
    private static let stranger = UInt32.max
    private static let slash: UInt32 = 0x2F
    private static let dot: UInt32 = 0x2E

    private let child: [Token]
    private let childIsAboutPaths: Bool
    private let parentIsAboutPaths: Bool
    private let symbols: [UInt32]
    /// The parent's moves: the states that each symbol leads on from, those that any symbol but `/` does, and the runs.
    private var steps: [UInt32: StateSet] = [:]
    private var anys = StateSet()
    private var runs = StateSet()
    private var paths = StateSet()
    private let parentEnd: Int

    static func holds(_ child: Glob, below parent: Glob, within work: inout WorkBudget) -> Bool {
        if let known = GlobPair(child: child, parent: parent).holds(within: &work) { return known }
        guard work.spend(1 << 10) else { return false }
        return GlobInclusion(child, parent).isIncluded(within: &work)
    }

    private init(_ child: Glob, _ parent: Glob) {
        self.child = Self.tokens(child.pattern)
        childIsAboutPaths = child.isAboutPaths
        parentIsAboutPaths = parent.isAboutPaths
        var symbols: Set<UInt32> = [Self.stranger, Self.slash]
        if parentIsAboutPaths || childIsAboutPaths { symbols.formUnion([Self.dot, 0, 0x5C]) }
        let parent = Self.tokens(parent.pattern)
        for (i, token) in parent.enumerated() {
            switch token {
            case .scalar(let scalar):
                symbols.insert(scalar)
                steps[scalar, default: StateSet()].insert(i)
            case .any: anys.insert(i)
            case .run: runs.insert(i)
            case .path: paths.insert(i)
            }
        }
        parentEnd = parent.count
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

    private func isIncluded(within work: inout WorkBudget) -> Bool {
        var start = StateSet()
        start.insert(0)
        var moves = 0
        var seen: Set<Node> = []
        var open = [Node(child: 0, parent: pastRuns(start), segment: .empty)]
        while let node = open.popLast() {
            guard work.spend(24) else { return false }
            guard seen.insert(node).inserted else { continue }
            guard node.child < child.count else {
                if childAccepts(node), !parentAccepts(node) { return false }
                continue
            }
            let token = child[node.child]
            if token == .run || token == .path {
                open.append(Node(child: node.child + 1, parent: node.parent, segment: node.segment))
            }
            if case .scalar(let scalar) = token {
                moves += 1
                if let next = successor(of: node, on: scalar, child: node.child + 1) { open.append(next) }
            } else {
                moves += symbols.count
                guard moves <= Self.mostMoves, work.spend(symbols.count * 20) else { return false }
                for symbol in symbols where symbol != Self.slash || token == .path {
                    let child = token == .any ? node.child + 1 : node.child
                    if let next = successor(of: node, on: symbol, child: child) { open.append(next) }
                }
            }
        }
        return true
    }

    private func childAccepts(_ node: Node) -> Bool { !childIsAboutPaths || !endsInDots(node) }

    private func parentAccepts(_ node: Node) -> Bool {
        node.parent.contains(parentEnd) && (!parentIsAboutPaths || !endsInDots(node))
    }

    private func endsInDots(_ node: Node) -> Bool { node.segment == .dot || node.segment == .dots }

    private func successor(of node: Node, on symbol: UInt32, child next: Int) -> Node? {
        let known = steps[symbol] ?? StateSet()
        let moving = symbol == Self.slash ? known : known | anys
        let staying = symbol == Self.slash ? paths : paths | runs
        let parent = pastRuns((node.parent & moving).successors | (node.parent & staying))
        guard parentIsAboutPaths || childIsAboutPaths else { return Node(child: next, parent: parent, segment: .other) }
        guard let segment = segment(after: node.segment, symbol) else {
            // No longer a plain path: the child matches none of these values, or the parent does not.
            return childIsAboutPaths ? nil : Node(child: next, parent: StateSet(), segment: .other)
        }
        return Node(child: next, parent: parent, segment: segment)
    }

    private func segment(after segment: Segment, _ symbol: UInt32) -> Segment? {
        switch symbol {
        case 0, 0x5C: nil
        case Self.slash: segment == .dot || segment == .dots ? nil : .empty
        case Self.dot: segment == .empty ? .dot : segment == .dot ? .dots : .other
        default: .other
        }
    }

    private func pastRuns(_ states: StateSet) -> StateSet { states | (states & (runs | paths)).successors }
}
