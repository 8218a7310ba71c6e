internal import StrictJSON

/// A tool's name in a rule of a policy: `*` is any run of bytes, also an empty one; everything else is itself.
package struct NamePattern: Sendable {
    /// As it was written.
    package let text: String
    /// The bytes between the stars.
    private let parts: [[UInt8]]

    package init(_ text: String) {
        self.text = text
        parts = text.utf8.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false).map { Array($0) }
    }

    /// Whether it has a star, and so may be about several tools.
    package var isPattern: Bool { parts.count > 1 }

    /// Whether a name is like this. Takes time in the product of both lengths at most.
    package func matches(_ name: String) -> Bool { matches(Array(name.utf8)) }

    /// Whether it matches every name that the other matches, as far as can be told: a star of the other is taken for a
    /// byte that only a star matches.
    package func covers(_ other: NamePattern) -> Bool { matches(Array(other.text.utf8)) }

    private func matches(_ name: [UInt8]) -> Bool {
        guard let first = parts.first, let last = parts.last else { return false }
        guard isPattern else { return name.elementsEqual(first) }
        guard name.count >= first.count + last.count, name.starts(with: first),
            name.suffix(last.count).elementsEqual(last)
        else { return false }
        var rest = name[first.count..<name.count - last.count]
        // Each part as early as it can stand leaves the most to those after it.
        for part in parts.dropFirst().dropLast() {
            while !rest.starts(with: part) {
                guard !rest.isEmpty else { return false }
                rest.removeFirst()
            }
            rest.removeFirst(part.count)
        }
        return true
    }

    /// Whether it needs no quotes in the text of a rule.
    static func isSpelledPlainly(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.allSatisfy { $0 == UInt8(ascii: "*") || ScopeTextReader.isNameByte($0) }
    }
}
