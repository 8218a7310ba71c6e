/// A text that is compared, ordered and hashed by its UTF-8 bytes, and by nothing else.
///
/// Swift's `String` takes canonically equivalent texts for one: U+212A KELVIN SIGN equals `K`. A name that came from
/// outside and is found as one thing and refused as another is a hole, so every such name is one of these as soon as it
/// is compared, sorted or a key of a table. `scripts/lint-text` finds what is not.
package struct ExactText: Sendable {
    /// The text, for people and for writing out.
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
        // Ends the text: two that are hashed one after the other are not another two.
        hasher.combine(0xFF as UInt8)
    }
}

extension ExactText: Comparable {
    package static func < (one: ExactText, other: ExactText) -> Bool {
        one.utf8.lexicographicallyPrecedes(other.utf8)
    }
}

extension ExactText: ExpressibleByStringLiteral, CustomStringConvertible {
    package init(stringLiteral text: StaticString) { self.init(text.description) }
    package var description: String { string }
}

extension String {
    /// This text, compared by its bytes.
    package var exact: ExactText { ExactText(self) }
}
