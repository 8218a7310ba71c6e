internal import StrictJSON

/// A scope as nodes in the order in which they are asked, with the texts that they name.
///
/// It permits only what the scope permits, and charges as much for it. A scope with constraints that it has no node for has
/// none.
@unsafe struct FlatScope {
    fileprivate struct Node {
        enum Kind: UInt8 {
            /// With the constraints on it after it. `flag`: other arguments are admitted; it is optional.
            case tool, argument
            /// A value that a constraint names.
            case null, bool, number, text
            case exact, oneOf, notOneOf, subset, wildcard, range, all, any, path, glob
        }

        let kind: Kind
        var flag = false
        var other = false
        /// The number of nodes in this one, without those in them.
        var count: Int32 = 0
        /// The node after this one and all in it.
        var next: Int32 = 0
        /// Its text.
        var start: Int32 = 0
        var length: Int32 = 0
        /// Its glob: the first token and the one after the last.
        var tokens: (Int32, Int32) = (0, 0)
        var low = -Double.infinity
        var high = Double.infinity
    }

    /// Cores fetch lines of 64 bytes, some two at a time.
    private static let line = 128
    private let nodes: UnsafeMutableBufferPointer<Node>
    private let bytes: UnsafeMutableBufferPointer<UInt8>
    private let tokens: UnsafeMutableBufferPointer<Glob.Token>

    init?(_ scope: Scope) {
        var writer = Writer()
        guard scope.tools.count <= 64, scope.tools.allSatisfy({ writer.add($0) }), writer.nodes.count <= 1024 else {
            return nil
        }
        // On lines of its own: others are written by some thread at each of its calls.
        func kept<Element>(_ elements: [Element]) -> UnsafeMutableBufferPointer<Element> {
            let size = unsafe (max(elements.count, 1) * MemoryLayout<Element>.stride + Self.line - 1) & ~(Self.line - 1)
            let memory = unsafe UnsafeMutableRawPointer.allocate(byteCount: size, alignment: Self.line)
            let start = unsafe memory.bindMemory(to: Element.self, capacity: elements.count)
            let kept = unsafe UnsafeMutableBufferPointer(start: start, count: elements.count)
            _ = unsafe kept.initialize(from: elements)
            return unsafe kept
        }
        unsafe (nodes, bytes, tokens) = (kept(writer.nodes), kept(writer.bytes), kept(writer.tokens))
    }

    func deallocate() {
        unsafe UnsafeMutableRawPointer(nodes.baseAddress)?.deallocate()
        unsafe UnsafeMutableRawPointer(bytes.baseAddress)?.deallocate()
        unsafe UnsafeMutableRawPointer(tokens.baseAddress)?.deallocate()
    }

    @inline(__always)
    private func withText<Result>(of node: Node, _ body: (Span<UInt8>) -> Result) -> Result {
        let bytes = unsafe UnsafeBufferPointer(bytes)
        let all = unsafe Span(_unsafeElements: bytes)
        return body(all.extracting(Int(node.start)..<Int(node.start) + Int(node.length)))
    }

    /// As ``Scope/refusal(of:arguments:within:)`` that is `nil`. Where it says no, the scope says why, or permits it.
    func permits(_ tool: Span<UInt8>, _ call: JSON.Value, within work: inout WorkBudget) -> Bool {
        let buffer = unsafe UnsafeBufferPointer(nodes)
        let nodes = unsafe Span(_unsafeElements: buffer)
        var at = 0
        while at < nodes.count {
            let isMeant = unsafe withText(of: nodes[at]) { $0.hasSameBytes(as: tool) }
            if isMeant { return unsafe permits(nodes, at, call, within: &work) }
            at = Int(nodes[at].next)
        }
        return false
    }

    /// ``ToolScope/refusal(of:within:)``.
    private func permits(
        _ nodes: Span<Node>, _ tool: Int, _ call: JSON.Value, within work: inout WorkBudget
    ) -> Bool {
        guard call.inexactNumber == nil else { return false }
        let (named, given, admitsUnnamed) = (Int(nodes[tool].count), call.count, nodes[tool].flag)
        if admitsUnnamed, named == 0 { return true }
        if given > named { guard admitsUnnamed, work.spend(2 * given * named) else { return false } }
        var (found, at) = (0, tool + 1)
        while at < Int(nodes[tool].next) {
            if let value = unsafe withText(of: nodes[at], { call.member($0) }) {
                found += 1
                guard unsafe permits(nodes, at + 1, value, &work), !work.isExhausted else { return false }
            } else if !nodes[at].flag {
                return false
            }
            at = Int(nodes[at].next)
        }
        return found == given || admitsUnnamed
    }

    /// ``Constraint/permits(_:within:)``.
    private func permits(_ nodes: Span<Node>, _ at: Int, _ value: JSON.Value, _ work: inout WorkBudget) -> Bool {
        guard work.spend(2) else { return false }
        let node = nodes[at]
        switch node.kind {
        case .exact: return unsafe isEqual(nodes[at + 1], value, &work)
        case .oneOf: return unsafe holds(nodes, at, value, &work)
        case .notOneOf: return unsafe !holds(nodes, at, value, &work)
        case .subset:
            guard value.kind == .array else { return false }
            for element in value.elements {
                guard work.spend(4), unsafe holds(nodes, at, element, &work) else { return false }
            }
            return true
        case .wildcard: return true
        case .range:
            return value.number.map {
                NumberRange(min: node.low, max: node.high, minInclusive: node.flag, maxInclusive: node.other)
                    .contains($0)
            } ?? false
        case .all, .any:
            var clause = at + 1
            while clause < Int(node.next) {
                if unsafe permits(nodes, clause, value, &work) != (node.kind == .all) { return node.kind == .any }
                clause = Int(nodes[clause].next)
            }
            return node.kind == .all
        case .path:
            return value.kind == .string
                && value.withUTF8 { path in
                    unsafe work.spend(path.count * 2) && withText(of: node) { PathContainment.isBelow($0, path) }
                }
        case .glob:
            let buffer = unsafe UnsafeBufferPointer(tokens)
            let tokens = unsafe Span(_unsafeElements: buffer)
            return value.kind == .string
                && value.withUTF8 { text in
                    unsafe withText(of: node) { literal in
                        Glob.matches(
                            text, tokens.extracting(Int(node.tokens.0)..<Int(node.tokens.1)), literal: literal,
                            isAboutPaths: node.flag, within: &work)
                    }
                }
        case .tool, .argument, .null, .bool, .number, .text: return false
        }
    }

    private func holds(_ nodes: Span<Node>, _ set: Int, _ value: JSON.Value, _ work: inout WorkBudget) -> Bool {
        guard work.spend(Int(nodes[set].count)) else { return false }
        for i in set + 1..<Int(nodes[set].next) where unsafe isEqual(nodes[i], value, &work) { return true }
        return false
    }

    private func isEqual(_ node: Node, _ value: JSON.Value, _ work: inout WorkBudget) -> Bool {
        switch node.kind {
        case .null: value.isNull
        case .bool: value.bool == node.flag
        case .number: value.number == node.low
        default:
            value.kind == .string
                && value.withUTF8 { text in
                    unsafe text.count == Int(node.length) && work.spend(text.count >> 5)
                        && withText(of: node) { text.hasSameBytes(as: $0) }
                }
        }
    }

    private struct Writer {
        var nodes: [Node] = []
        var bytes: [UInt8] = []
        var tokens: [Glob.Token] = []

        mutating func add(_ tool: ToolScope) -> Bool {
            let place = add(Node(kind: .tool, flag: tool.admitsUnnamed), tool.name.utf8)
            for argument in tool.arguments {
                let named = add(Node(kind: .argument, flag: argument.isOptional), argument.name.utf8)
                guard add(argument.constraint) else { return false }
                close(named, 1)
            }
            close(place, tool.arguments.count)
            return true
        }

        private mutating func add(_ node: Node, _ text: some Collection<UInt8> = []) -> Int {
            var node = node
            (node.start, node.length) = (Int32(clamping: bytes.count), Int32(clamping: text.count))
            bytes += text
            nodes.append(node)
            close(nodes.count - 1, 0)
            return nodes.count - 1
        }

        private mutating func close(_ place: Int, _ count: Int) {
            (nodes[place].count, nodes[place].next) = (Int32(clamping: count), Int32(clamping: nodes.count))
        }

        private mutating func add(_ constraint: Constraint) -> Bool {
            switch constraint {
            case .exact(let value): return add(.exact, [value])
            // More of them are found by their hashes.
            case .oneOf(let values): return add(.oneOf, values.values)
            case .notOneOf(let values): return add(.notOneOf, values.values)
            case .subset(let values): return add(.subset, values.values)
            case .wildcard: _ = add(Node(kind: .wildcard))
            case .range(let range):
                let range = range.value
                var node = Node(kind: .range, flag: range.minInclusive, other: range.maxInclusive)
                if let min = range.min { node.low = min }
                if let max = range.max { node.high = max }
                _ = add(node)
            case .all(let clauses): return add(.all, clauses)
            case .any(let clauses): return add(.any, clauses)
            case .pathContainment(let path):
                let root = path.value.root.utf8
                _ = add(Node(kind: .path), root.count == 1 ? [] : Array(root))
            case .glob(let glob):
                var node = Node(kind: .glob, flag: glob.value.isAboutPaths)
                node.tokens.0 = Int32(clamping: tokens.count)
                tokens += glob.value.tokens
                node.tokens.1 = Int32(clamping: tokens.count)
                _ = add(node, glob.value.literal)
            case .contains, .uri, .cidr, .decimalRange, .each, .members: return false
            }
            return true
        }

        private mutating func add(_ kind: Node.Kind, _ clauses: [Constraint]) -> Bool {
            let place = add(Node(kind: kind))
            for clause in clauses { guard add(clause) else { return false } }
            close(place, clauses.count)
            return true
        }

        private mutating func add(_ kind: Node.Kind, _ values: [JSON.Value]) -> Bool {
            guard values.count <= ValueSet.scanned else { return false }
            let place = add(Node(kind: kind))
            for value in values {
                switch value.kind {
                case .null: _ = add(Node(kind: .null))
                case .bool: _ = add(Node(kind: .bool, flag: value.bool == true))
                case .number: _ = add(Node(kind: .number, low: value.number ?? .nan))
                case .string: _ = value.withUTF8 { text in add(Node(kind: .text), text.indices.map { text[$0] }) }
                case .array, .object: return false
                }
            }
            close(place, values.count)
            return true
        }
    }
}
