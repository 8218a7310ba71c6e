import StrictJSON

/// A piece of a page. Literals are markup. Interpolations are text and escaped, unless they are `HTML` themselves, so
/// that no name can become markup.
///
/// Text shows invisible characters, above all bidirectional controls, in the form `⟨U+202E⟩`.
struct HTML: ExpressibleByStringInterpolation {
    let source: String

    init(stringLiteral literal: String) { source = literal }
    init(stringInterpolation pieces: StringInterpolation) { source = pieces.source }

    struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var source = ""

        init(literalCapacity: Int, interpolationCount: Int) { source.reserveCapacity(literalCapacity * 2) }

        mutating func appendLiteral(_ markup: String) { source += markup }
        mutating func appendInterpolation(_ html: HTML) { source += html.source }
        mutating func appendInterpolation(_ pieces: [HTML]) { for piece in pieces { source += piece.source } }
        mutating func appendInterpolation(_ number: Int) { source += String(number) }
        /// Appends text, cut after about `most` characters.
        mutating func appendInterpolation(_ text: String, most: Int = .max) {
            if !HTML.escape(text, most: most, into: &source) { source += "…" }
        }

        /// Appends a foreign name, isolated from the direction of the text around it.
        mutating func appendInterpolation(name: String, most: Int = .max) {
            source += "<bdi>"
            appendInterpolation(name, most: most)
            source += "</bdi>"
        }
    }

    /// A foreign name, in full; a long one unfolds.
    static func whole(_ name: String) -> HTML {
        var escaped = ""
        guard !escape(name, most: 240, into: &escaped) else { return "<bdi>\(HTML(stringLiteral: escaped))</bdi>" }
        return """
            <details class="long"><summary>\(name: name, most: 80) \
            <small>all \(name.unicodeScalars.count) characters</small></summary>\(name: name)</details>
            """
    }

    /// One fact of a list of them.
    static func fact(_ title: String, _ text: HTML) -> HTML { "<div><dt>\(title)</dt><dd>\(text)</dd></div>" }

    /// A sign in front of a word that says the same: hidden from screen readers.
    static func sign(_ sign: String) -> HTML { "<span aria-hidden=\"true\">\(sign) </span>" }

    /// A time in UTC, e.g. `2026-11-24 02:50:00 UTC`.
    static func time(_ seconds: Int) -> HTML {
        guard (0...253_402_300_799).contains(seconds) else { return "\(seconds) s since 1970" }
        let date = Console.date(seconds)
        return "<time datetime=\"\(date)\">\(date.prefix(10) + " " + date.dropFirst(11).prefix(8)) UTC</time>"
    }

    /// Appends a text until `most` characters are shown. Returns whether that was all of it.
    private static func escape(_ text: String, most: Int, into output: inout String) -> Bool {
        var (shown, marks) = (0, MarkCount())
        for scalar in text.unicodeScalars {
            guard shown < most else { return false }
            shown += 1
            let isTooMany = marks.isTooMany(with: scalar)
            switch scalar {
            case "&": output += "&amp;"
            case "<": output += "&lt;"
            case ">": output += "&gt;"
            case "\"": output += "&quot;"
            case "'": output += "&#39;"
            case _ where isTooMany || scalar.isHidden:
                let digits = String(scalar.value, radix: 16, uppercase: true)
                output += "⟨U+" + String(repeating: "0", count: max(4 - digits.count, 0)) + digits + "⟩"
                shown += 7
            default: output.unicodeScalars.append(scalar)
            }
        }
        return true
    }
}
