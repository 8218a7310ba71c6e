/// A text that people may be shown: it can neither move a cursor, nor turn the direction of what is around it, nor make
/// a second line, nor hide.
///
/// What stands in a literal is ours and stays as it is. What is interpolated came from somewhere and is escaped: each
/// character that nobody would see becomes its number, e.g. `\u{202E}`. Escaping what is escaped changes nothing.
package struct PrintableText: Sendable, Equatable {
    /// The text, as it may be shown.
    @Exact package private(set) var string: String

    /// A text from outside, on one line.
    package init(_ text: String) { string = text.printable }

    /// A text from outside that may have several lines.
    package init(lines text: String) {
        string = text.parts(at: 0x0A, omittingEmpty: false).map(\.printable)
            .joined(separator: "\n")
    }

    /// A text of the program's own that says how it is shown: colours, a cursor's movements.
    package init(verbatim text: String) { string = text }

    /// A document on one line. Reads back as the same document: what is escaped in texts is escaped as JSON does.
    package init(_ tree: JSONTree) { string = tree.text.escaped { code, output in output += PrintableText.json(code) } }

    package static func + (one: PrintableText, other: PrintableText) -> PrintableText {
        PrintableText(verbatim: one.string + other.string)
    }

    package static func += (one: inout PrintableText, other: PrintableText) { one = one + other }

    private static func json(_ code: UInt32) -> String {
        let units: [UInt32] =
            code < 0x10000 ? [code] : [0xD800 + (code - 0x10000) >> 10, 0xDC00 + (code - 0x10000) & 0x3FF]
        return units.map { "\\u" + String(0x10000 + $0, radix: 16).dropFirst() }.joined()
    }
}

extension PrintableText: ExpressibleByStringInterpolation, CustomStringConvertible {
    package init(stringLiteral literal: String) { string = literal }
    package init(stringInterpolation pieces: StringInterpolation) { string = pieces.string }
    package var description: String { string }

    package struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var string = ""

        package init(literalCapacity: Int, interpolationCount: Int) { string.reserveCapacity(literalCapacity * 2) }

        package mutating func appendLiteral(_ literal: String) { string += literal }
        package mutating func appendInterpolation(_ text: PrintableText) { string += text.string }
        /// Anything else is text from outside, on one line.
        package mutating func appendInterpolation<Value>(_ value: Value) { string += "\(value)".printable }
    }
}

extension [PrintableText] {
    package func joined(separator: PrintableText = "") -> PrintableText {
        PrintableText(verbatim: map(\.string).joined(separator: separator.string))
    }
}

extension String {
    /// This text on one line, with all that nobody would see escaped as `\u{202E}` is.
    package var printable: String {
        escaped { code, output in output += "\\u{" + String(code, radix: 16, uppercase: true) + "}" }
    }

    /// This text with each character that would not be seen put through `escape`.
    fileprivate func escaped(_ escape: (UInt32, inout String) -> Void) -> String {
        if utf8.allSatisfy({ (0x20...0x7E).contains($0) }) { return self }
        var result = ""
        result.reserveCapacity(utf8.count)
        var marks = MarkCount()
        for scalar in unicodeScalars {
            if marks.isTooMany(with: scalar) || scalar.isHidden {
                escape(scalar.value, &result)
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

/// Counts marks on one letter: more than any language writes would be drawn over the lines around it.
package struct MarkCount {
    private static let most = 4
    private var marks = 0

    package init() {}

    package mutating func isTooMany(with scalar: Unicode.Scalar) -> Bool {
        guard !scalar.isASCII else {
            marks = 0
            return false
        }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark: marks += 1
        default: marks = 0
        }
        return marks > Self.most
    }
}

extension Unicode.Scalar {
    /// Whether nobody would see it, or see what it does: controls (C0, C1), bidirectional and other format characters,
    /// separators that are no plain space, tags, private use and what no standard has assigned.
    package var isHidden: Bool {
        guard !isASCII else { return !(" "..."~" ~= self) }
        return switch properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
            .spaceSeparator:
            true
        // A braille pattern without dots is a blank as well.
        default: properties.isDefaultIgnorableCodePoint || value == 0x2800
        }
    }
}
