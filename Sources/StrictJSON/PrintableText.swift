/// A text that is safe to show to people: it cannot move a cursor, change the direction of the text around it, make a
/// second line, or hide.
///
/// Literal parts are our own and stay as they are. Interpolated parts come from outside and are escaped: each character
/// that nobody would see becomes its number, e.g. `\u{202E}`. Escaping twice changes nothing.
package struct PrintableText: Sendable, Equatable {
    /// The text, safe to show.
    @Exact package private(set) var string: String

    /// A text from outside, on one line.
    package init(_ text: String) { string = text.printable }

    /// A text from outside that may have several lines.
    package init(lines text: String) {
        string = text.parts(at: 0x0A, omittingEmpty: false).map(\.printable)
            .joined(separator: "\n")
    }

    /// A text of the program's own that controls how it is shown: colours, cursor movements.
    package init(verbatim text: String) { string = text }

    /// A document on one line. It reads back as the same document: texts are escaped as JSON does.
    package init(_ tree: JSONTree) { string = tree.text.escaped(Self.appendJSON) }

    package static func + (one: PrintableText, other: PrintableText) -> PrintableText {
        PrintableText(verbatim: one.string + other.string)
    }

    package static func += (one: inout PrintableText, other: PrintableText) { one = one + other }

    private static func appendJSON(_ code: UInt32, to output: inout [UInt8]) {
        func put(_ unit: UInt32) {
            output.append(UInt8(ascii: "\\"))
            output.append(UInt8(ascii: "u"))
            append(hexadecimal: unit, atLeast: 4, letters: UInt8(ascii: "a"), to: &output)
        }
        if code < 0x10000 { return put(code) }
        put(0xD800 + (code - 0x10000) >> 10)
        put(0xDC00 + (code - 0x10000) & 0x3FF)
    }

    /// Appends a number in the form `U+202E`, with as many digits as it needs.
    fileprivate static func append(
        hexadecimal code: UInt32, atLeast count: Int, letters: UInt8, to output: inout [UInt8]
    ) {
        let digits = max(count, (35 - code.leadingZeroBitCount) / 4)
        for place in (0..<digits).reversed() {
            let digit = UInt8(truncatingIfNeeded: code >> UInt32(place * 4)) & 15
            output.append(digit < 10 ? UInt8(ascii: "0") + digit : letters + digit - 10)
        }
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
    /// This text on one line, with each invisible character escaped, as in `\u{202E}`.
    package var printable: String {
        escaped { code, output in
            for byte in [UInt8(ascii: "\\"), UInt8(ascii: "u"), UInt8(ascii: "{")] { output.append(byte) }
            PrintableText.append(hexadecimal: code, atLeast: 1, letters: UInt8(ascii: "A"), to: &output)
            output.append(UInt8(ascii: "}"))
        }
    }

    /// The longest prefix of at most `most` bytes that ends between two characters, followed by `…` if it was cut: for
    /// messages that quote text whose length somebody else chose.
    package func beginning(atMost most: Int) -> String {
        guard utf8.count > most else { return self }
        var end = utf8.index(utf8.startIndex, offsetBy: max(most, 0))
        while end > utf8.startIndex, utf8[end] & 0xC0 == 0x80 { utf8.formIndex(before: &end) }
        return String(Substring(utf8[..<end])) + "…"
    }

    /// This text with each invisible character passed through `escape`.
    fileprivate func escaped(_ escape: (UInt32, inout [UInt8]) -> Void) -> String {
        if utf8.allSatisfy({ (0x20...0x7E).contains($0) }) { return self }
        var result: [UInt8] = []
        result.reserveCapacity(utf8.count)
        var marks = MarkCount()
        for scalar in unicodeScalars {
            let value = scalar.value
            if (0x20...0x7E).contains(value) {
                marks = MarkCount()
                result.append(UInt8(truncatingIfNeeded: value))
                continue
            }
            // Looked up once: the look-up takes most of the time.
            let category = scalar.properties.generalCategory
            if marks.isTooMany(with: scalar, category) || scalar.isHidden(category) {
                escape(value, &result)
            } else {
                result.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}

/// Counts marks on one letter. More marks than any language uses would be drawn over the lines around it.
package struct MarkCount {
    private static let most = 4
    private var marks = 0

    package init() {}

    package mutating func isTooMany(with scalar: Unicode.Scalar) -> Bool {
        isTooMany(with: scalar, scalar.isASCII ? .control : scalar.properties.generalCategory)
    }

    fileprivate mutating func isTooMany(with scalar: Unicode.Scalar, _ category: Unicode.GeneralCategory) -> Bool {
        guard !scalar.isASCII else {
            marks = 0
            return false
        }
        switch category {
        case .nonspacingMark, .enclosingMark: marks += 1
        default: marks = 0
        }
        return marks > Self.most
    }
}

extension Unicode.Scalar {
    /// Whether the character is invisible or has an invisible effect: controls (C0, C1), bidirectional and other format
    /// characters, separators that are not a plain space, tags, private use and unassigned characters.
    package var isHidden: Bool {
        isASCII ? !(" "..."~" ~= self) : isHidden(properties.generalCategory)
    }

    fileprivate func isHidden(_ category: Unicode.GeneralCategory) -> Bool {
        guard !isASCII else { return !(" "..."~" ~= self) }
        return switch category {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
            .spaceSeparator:
            true
        // A braille pattern without dots is blank too.
        default: properties.isDefaultIgnorableCodePoint || value == 0x2800
        }
    }
}
