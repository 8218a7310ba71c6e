/// A parsed I-JSON document (RFC 7493), immutable and safe to share between threads.
///
/// The document is a tape: one flat array of nodes over the bytes it was read from. Nothing is copied out of
/// it until someone asks, looking a member up allocates nothing, and the memory it takes is proportional to its input.
public struct JSON: Sendable {
    let storage: Storage

    /// The outermost value.
    public var root: Value { Value(storage: storage, index: 0) }

    /// Reads one document; everything about it is checked before any of it can be seen.
    ///
    /// Accepts exactly RFC 8259 restricted to I-JSON: UTF-8 without byte-order mark, no duplicate names (compared
    /// after unescaping), no lone surrogates, no number that is not a finite `Double` or that would be written again as
    /// another number (`9007199254740993`; `1e20` and `9007199254740994` are read).
    /// Takes time linear in `bytes`, save for the sorting of very wide objects' names.
    public init(parsing bytes: consuming [UInt8], limits: Limits = Limits()) throws(ParseError) {
        var work = WorkBudget.unlimited
        try self.init(parsing: bytes, limits: limits, within: &work)
    }

    /// As above, for a reader whose time somebody else takes: what reading costs, and what writing the document in
    /// canonical form will cost, is taken from the budget. More than there is ends reading (`isTooCostly`).
    package init(
        parsing bytes: consuming [UInt8], limits: Limits = Limits(), within work: inout WorkBudget
    ) throws(ParseError) {
        storage = try JSONReader.read(bytes, limits: limits, within: &work)
    }

    /// Reads one document from text; as ``init(parsing:limits:)``.
    public init(parsing text: String, limits: Limits = Limits()) throws(ParseError) {
        try self.init(parsing: Array(text.utf8), limits: limits)
    }

    /// What a reader refuses to go beyond, whatever the input says.
    public struct Limits: Sendable {
        /// Longest document, in bytes.
        public var bytes: Int
        /// Deepest nesting of arrays and objects.
        public var depth: Int
        /// Most values and names together; the document itself is one.
        package var values: Int
        /// Whether a number that would be written again as another is read and marked, not refused: in what others sign,
        /// such a number may stand where it means nothing to us.
        package var admitsInexactNumbers = false

        /// The defaults hold a whole chain's worth of bytes, and 32 nested constraints (which need 71 levels).
        public init(bytes: Int = 1 << 20, depth: Int = 96) {
            self.bytes = min(bytes, Int(Int32.max))
            self.depth = depth
            values = .max
        }

        /// As above, with a bound on values and names: many small ones are most of what reading and writing costs.
        package init(bytes: Int, depth: Int = 96, values: Int) {
            self.init(bytes: bytes, depth: depth)
            self.values = values
        }
    }

    /// Why a document was refused, and where.
    public struct ParseError: Error, Sendable, Equatable, CustomStringConvertible {
        /// The rule that was broken, as a sentence without a full stop.
        public let rule: String
        /// Where, as a byte offset from the start of the document.
        public let position: Int
        /// Whether the document has more values than the limits let it have, or takes more work than there is.
        package var isTooCostly = false

        init(rule: String, position: Int, isTooCostly: Bool = false) {
            (self.rule, self.position, self.isTooCostly) = (rule, position, isTooCostly)
        }

        /// The stable name of what is wrong, in snake case.
        package var name: String { isTooCostly ? "too_costly" : "json" }

        /// The rule and the place, for people.
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
        /// Strings: where the unescaped bytes start. Arrays and objects: how many elements or members. Numbers: 1 where
        /// the double is written as another number than the source.
        var first: Int32 = 0
        /// Strings: how many unescaped bytes.
        var length: Int32 = 0
        /// The index of the node after this value and everything in it.
        var next: Int32 = 0
        var number: Double = 0

        /// Where a string's unescaped bytes stand.
        var text: Range<Int> { Int(first)..<Int(first) + Int(length) }
    }

    final class Storage: Sendable {
        /// The source; after it, unescaped, the strings that were written with escapes.
        let bytes: [UInt8]
        let nodes: [Node]
        /// Whether some number is marked.
        let hasInexactNumbers: Bool

        init(bytes: [UInt8], nodes: [Node], hasInexactNumbers: Bool) {
            self.bytes = bytes
            self.nodes = nodes
            self.hasInexactNumbers = hasInexactNumbers
        }
    }
}

extension JSON {
    /// One value in a document: a place in it, cheap to pass around; keeps its document alive.
    public struct Value: Sendable {
        let storage: Storage
        let index: Int

        var node: Node { storage.nodes[index] }

        /// What kind of value this is.
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
        /// The first number in this value that double precision does not keep as it is written; there is none in a document
        /// that was read under limits that do not admit such numbers.
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
        /// How many elements an array or members an object has; 0 for everything else.
        public var count: Int { kind == .array || kind == .object ? Int(node.first) : 0 }
        /// Where this value starts in the document, as a byte offset.
        public var position: Int { Int(node.sourceStart) }
        /// How many bytes of the document this value takes.
        public var sourceLength: Int { Int(node.sourceEnd) - Int(node.sourceStart) }
    }
}
