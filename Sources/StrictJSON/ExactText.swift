/// A text that is compared, ordered and hashed by its UTF-8 bytes, and by nothing else.
///
/// Swift's `String` takes canonically equivalent texts for one: U+212A KELVIN SIGN equals `K`. If one check takes a
/// name from outside for one thing and another check for something else, that is a hole. So every such name becomes an
/// `ExactText` before it is compared, sorted or used as a key. `scripts/lint-text` finds those that do not.
package struct ExactText: Sendable {
    /// The text, for display and output.
    package let string: String

    package init(_ string: String) { self.string = string }

    package var utf8: String.UTF8View { string.utf8 }
    package var isEmpty: Bool { string.isEmpty }
}

extension ExactText: Hashable {
    package static func == (one: ExactText, other: ExactText) -> Bool { one.string.isSame(as: other.string) }

    /// Hashes under this process's random seed: nobody outside can choose texts that collide.
    package func hash(into hasher: inout Hasher) {
        string.withUTF8Span { bytes in
            unsafe bytes.withUnsafeBufferPointer { unsafe hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        }
        // Ends the text: without it, two texts hashed in sequence could equal another two.
        hasher.combine(0xFF as UInt8)
    }
}

extension ExactText: Comparable {
    package static func < (one: ExactText, other: ExactText) -> Bool { one.string.isBefore(other.string) }
}

extension ExactText: ExpressibleByStringLiteral, CustomStringConvertible {
    package init(stringLiteral text: StaticString) { self.init(text.description) }
    package var description: String { string }
}

extension String {
    /// This text, compared by its bytes.
    package var exact: ExactText { ExactText(self) }

    /// Whether the text starts with exactly these bytes.
    package func starts(exactly start: String) -> Bool { utf8.starts(with: start.utf8) }

    /// Whether the text ends with exactly these bytes.
    package func ends(exactly end: String) -> Bool { utf8.suffix(end.utf8.count).elementsEqual(end.utf8) }

    /// Returns this text with `other` in place of each occurrence of exactly the bytes of `part`.
    package func replacing(exactly part: String, with other: String) -> String {
        let (bytes, part) = (Array(utf8), Array(part.utf8))
        var result: [UInt8] = []
        var start = 0
        while start < bytes.count {
            let isPart = !part.isEmpty && bytes[start...].starts(with: part)
            if isPart { result += Array(other.utf8) } else { result.append(bytes[start]) }
            start += isPart ? part.count : 1
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Splits the text at an ASCII byte, also where a combining mark follows the separator: a split by `Character`
    /// would not.
    package func parts(at separator: UInt8, atMost count: Int = .max, omittingEmpty: Bool = true) -> [String] {
        utf8.split(separator: separator, maxSplits: max(count, 1) - 1, omittingEmptySubsequences: omittingEmpty)
            .map { String(Substring($0)) }
    }
}

extension String? {
    /// Whether both are the same bytes, or both are `nil`.
    package func isSame(as other: String?) -> Bool { map(\.exact) == other.map(\.exact) }
}

extension Sequence<String> {
    /// Whether one of the texts has exactly these bytes.
    package func holds(_ text: String) -> Bool { contains { $0.isSame(as: text) } }

    /// Whether both hold the same texts in the same order.
    package func isSame(as other: some Sequence<String>) -> Bool { elementsEqual(other) { $0.isSame(as: $1) } }

    /// The texts as a set: each once, unordered.
    package var exact: Set<ExactText> { Set(lazy.map(\.exact)) }

    /// The texts, sorted by their bytes.
    package func inByteOrder() -> [String] { inOrder { $0.isBefore($1) } }
}

extension Set<ExactText> {
    /// The texts, sorted by their bytes.
    package func inByteOrder() -> [String] { inOrder().map(\.string) }
}
