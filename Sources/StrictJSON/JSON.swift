/// A parsed I-JSON document (RFC 7493), immutable and safe to share between threads.
///
/// The document is a tape: one flat array of nodes over the bytes it was read from. Nothing is copied out of it until
/// someone asks, looking a member up allocates nothing, and the memory it takes is proportional to its input.
public struct JSON: Sendable {
    let storage: Storage

    /// The outermost value.
    public var root: Value { Value(storage: storage, index: 0) }

    /// Reads one document. All of it is checked before any of it can be read.
    ///
    /// Accepts exactly RFC 8259 restricted to I-JSON: UTF-8 without byte-order mark, no duplicate names (compared after
    /// unescaping), no lone surrogates. A number must be a finite `Double` and must be written again as the same
    /// number: `1e20` and `9007199254740994` are read, `9007199254740993` is refused. Takes time linear in `bytes`,
    /// save for the sorting of very wide objects' names.
    public init(parsing bytes: consuming [UInt8], limits: Limits = Limits()) throws(ParseError) {
        var work = WorkBudget.unlimited
        try self.init(parsing: bytes, limits: limits, within: &work)
    }

    /// As above, within a work budget. Reading the document, and later writing it in canonical form, is charged to the
    /// budget. Reading ends when the budget is spent (`isTooCostly`).
    package init(
        parsing bytes: consuming [UInt8], limits: Limits = Limits(), within work: inout WorkBudget
    ) throws(ParseError) {
        storage = try JSONReader.read(bytes, limits: limits, within: &work)
    }

    /// Reads one document from text; as ``init(parsing:limits:)``.
    public init(parsing text: String, limits: Limits = Limits()) throws(ParseError) {
        try self.init(parsing: Array(text.utf8), limits: limits)
    }

    /// The limits of a reader: it refuses any input beyond them.
    public struct Limits: Sendable {
        /// The longest document, in bytes.
        public var bytes: Int
        /// The deepest nesting of arrays and objects.
        public var depth: Int
        /// The largest number of values and names together; the document itself counts as one.
        package var values: Int
        /// Whether a number that would be written again as another is marked instead of refused. Documents that others
        /// sign may hold such numbers in members that mean nothing to us.
        package var admitsInexactNumbers = false

        /// The defaults admit a whole chain of tokens, and 32 nested constraints (which need 71 levels).
        public init(bytes: Int = 1 << 20, depth: Int = 96) {
            self.bytes = min(bytes, Int(Int32.max))
            self.depth = depth
            values = .max
        }

        /// As above, with a limit on values and names: many small ones are most of the cost of reading and writing.
        package init(bytes: Int, depth: Int = 96, values: Int) {
            self.init(bytes: bytes, depth: depth)
            self.values = values
        }
    }

    /// The reason for refusing a document, with its position.
    public struct ParseError: Error, Sendable, Equatable, CustomStringConvertible {
        /// The rule that was broken, as a sentence without a full stop.
        public let rule: String
        /// The position, as a byte offset from the start of the document.
        public let position: Int
        /// Whether the document has more values than its limits allow, or needs more work than the budget has.
        package var isTooCostly = false

        init(rule: String, position: Int, isTooCostly: Bool = false) {
            (self.rule, self.position, self.isTooCostly) = (rule, position, isTooCostly)
        }

        /// The stable name of what is wrong, in snake case.
        package var name: String { isTooCostly ? "too_costly" : "json" }

        /// The rule and the position, for people.
        public var description: String { "\(rule) at byte \(position)" }
    }

    /// The six kinds of JSON values.
    public enum Kind: UInt8, Sendable {
        /// `null`.
        case null
        /// `true` or `false`.
        case bool
        /// A number.
        case number
        /// A text.
        case string
        /// Values in order.
        case array
        /// Values by name.
        case object
    }

    struct Node {
        var kind: Kind
        /// `true` for the literal `true`; for numbers, whether it was written without fraction and exponent.
        var flag = false
        /// The value's own bytes in the source, quotes and brackets included.
        var sourceStart: Int32
        var sourceEnd: Int32 = 0
        /// Strings: the offset of the unescaped bytes. Arrays and objects: the number of elements or members. Numbers:
        /// 1 if the double is written as another number than the source.
        var first: Int32 = 0
        /// Strings: the number of unescaped bytes.
        var length: Int32 = 0
        /// The index of the node after this value and everything in it.
        var next: Int32 = 0
        var number: Double = 0

        /// The range of a string's unescaped bytes.
        var text: Range<Int> { Int(first)..<Int(first) + Int(length) }
    }

    final class Storage: Sendable {
        /// The source, followed by the unescaped bytes of strings that were written with escapes.
        let bytes: [UInt8]
        let nodes: [Node]
        /// Whether any number is marked.
        let hasInexactNumbers: Bool

        init(bytes: [UInt8], nodes: [Node], hasInexactNumbers: Bool) {
            self.bytes = bytes
            self.nodes = nodes
            self.hasInexactNumbers = hasInexactNumbers
        }
    }
}

extension JSON {
    /// One value of a document: a cheap reference to a place in it that keeps the document alive.
    public struct Value: Sendable {
        let storage: Storage
        let index: Int

        var node: Node { storage.nodes[index] }

        /// The kind of this value.
        public var kind: Kind { node.kind }
        /// Whether this is `null`.
        public var isNull: Bool { kind == .null }
        /// The value of `true` or `false`, `nil` for everything else.
        public var bool: Bool? { kind == .bool ? node.flag : nil }
        /// The value of a number, `nil` for everything else.
        public var number: Double? { kind == .number ? node.number : nil }
        /// The value of an integer within ±2^53, `nil` for everything else: `1.0` and `1e0` are numbers, not integers.
        public var int: Int? {
            let node = node
            guard node.kind == .number, node.flag, node.number.magnitude <= 0x1p53, node.first == 0 else { return nil }
            return Int(exactly: node.number)
        }
        /// The first number in this value that double precision does not keep as written. `nil` for every document read
        /// under limits that do not admit such numbers.
        package var inexactNumber: JSON.Value? {
            guard storage.hasInexactNumbers else { return nil }
            let marked = (index..<Int(node.next)).first {
                storage.nodes[$0].kind == .number && storage.nodes[$0].first != 0
            }
            return marked.map { JSON.Value(storage: storage, index: $0) }
        }
        /// The text of a string, `nil` for everything else.
        public var string: String? {
            guard kind == .string else { return nil }
            return String(decoding: storage.bytes[text], as: UTF8.self)
        }
        /// The number of elements of an array or members of an object; 0 for everything else.
        public var count: Int { kind == .array || kind == .object ? Int(node.first) : 0 }
        /// The offset of this value in the document, in bytes.
        public var position: Int { Int(node.sourceStart) }
        /// The number of bytes of the document that this value takes.
        public var sourceLength: Int { Int(node.sourceEnd) - Int(node.sourceStart) }
    }
}
