/// JSON to be written: built from literals and values, serialized in canonical form (RFC 8785).
public indirect enum JSONTree: Sendable {
    /// `null`.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// A whole number.
    case int(Int)
    /// A number.
    case number(Double)
    /// A text.
    case string(String)
    /// Values in order.
    case array([JSONTree])
    /// Values by name.
    case object(Members)
    /// An object whose names are compared byte by byte; no name may occur twice.
    case members([(name: String, value: JSONTree)])
    /// A value from a parsed document.
    case value(JSON.Value)

    /// This tree in canonical form, as UTF-8.
    public func canonical() -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(512)
        append(to: &output)
        return output
    }

    /// This tree in canonical form, as text.
    public var text: String { String(decoding: canonical(), as: UTF8.self) }

    private func append(to output: inout [UInt8]) {
        switch self {
        case .null: output.append(contentsOf: "null".utf8)
        case .bool(let value): output.append(contentsOf: (value ? "true" : "false").utf8)
        case .int(let value): JCS.appendInt(value, to: &output)
        case .number(let value): JCS.appendNumber(value, to: &output)
        case .string(let value): JCS.appendString(value, to: &output)
        case .value(let value): value.appendCanonical(to: &output)
        case .array(let elements):
            output.append(UInt8(ascii: "["))
            for (i, element) in elements.enumerated() {
                if i > 0 { output.append(UInt8(ascii: ",")) }
                element.append(to: &output)
            }
            output.append(UInt8(ascii: "]"))
        case .object(let members): Self.append(inOrder: members.values, to: &output)
        case .members(let members):
            Self.append(inOrder: members.inOrder { Self.precedes($0.name, $1.name) }, to: &output)
        }
    }

    private static func append(inOrder members: [(name: String, value: JSONTree)], to output: inout [UInt8]) {
        output.append(UInt8(ascii: "{"))
        for i in members.indices {
            if i > 0 { output.append(UInt8(ascii: ",")) }
            JCS.appendString(members[i].name, to: &output)
            output.append(UInt8(ascii: ":"))
            members[i].value.append(to: &output)
        }
        output.append(UInt8(ascii: "}"))
    }

    fileprivate static func precedes(_ a: String, _ b: String) -> Bool {
        a.withUTF8Span { a in b.withUTF8Span { b in JCS.precedes(a, b) } }
    }
}

extension JSONTree: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    /// `null`.
    public init(nilLiteral: ()) { self = .null }
    /// A string.
    public init(stringLiteral value: String) { self = .string(value) }
    /// An integer.
    public init(integerLiteral value: Int) { self = .int(value) }
    /// `true` or `false`.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// An array.
    public init(arrayLiteral elements: JSONTree...) { self = .array(elements) }
    /// An object. If a name occurs twice, the last member counts.
    public init(dictionaryLiteral elements: (String, JSONTree)...) { self = .object(Members(elements)) }
}

extension JSONTree {
    /// The members of an object, each name once. Names are compared byte by byte.
    public struct Members: Sendable, ExpressibleByDictionaryLiteral {
        /// As they are written: most objects are small, and made to be written once.
        fileprivate private(set) var values: [(name: String, value: JSONTree)] = []

        init(_ elements: [(String, JSONTree)]) {
            values.reserveCapacity(elements.count)
            for (name, value) in elements { self[name] = value }
        }

        /// If a name occurs twice, the last member counts.
        public init(dictionaryLiteral elements: (String, JSONTree)...) { self.init(elements) }

        /// The member with this name; `nil` removes it.
        public subscript(name: String) -> JSONTree? {
            get {
                let place = place(of: name)
                guard isThere(name, at: place) else { return Optional.none }
                return values[place].value
            }
            set {
                let place = place(of: name)
                let isThere = isThere(name, at: place)
                guard let newValue else {
                    if isThere { values.remove(at: place) }
                    return
                }
                if isThere { values[place].value = newValue } else { values.insert((name, newValue), at: place) }
            }
        }

        /// Where a name stands, or would.
        private func place(of name: String) -> Int {
            // Most are written in order.
            guard let last = values.last, !JSONTree.precedes(last.name, name) else { return values.count }
            var (low, high) = (0, values.count)
            while low < high {
                let middle = (low + high) / 2
                if JSONTree.precedes(values[middle].name, name) { low = middle + 1 } else { high = middle }
            }
            return low
        }

        private func isThere(_ name: String, at place: Int) -> Bool {
            place < values.count && values[place].name.isSame(as: name)
        }

        /// Whether there are no members.
        public var isEmpty: Bool { values.isEmpty }

        /// The number of members.
        public var count: Int { values.count }

        /// Returns the members of both; for a name in both, the member of `others`.
        public func merging(_ others: Members) -> Members {
            var all = self
            for (name, value) in others.values { all[name] = value }
            return all
        }
    }
}
