import ArgumentParser
import FoundationEssentials
import Glibc
import JOSE

/// Writes one page to stdout, piece by piece, so that ten thousand agents need no memory for their page.
///
/// The page is one file without scripts. Its policy lets a browser load nothing and apply no style but its own.
struct Page: ~Copyable {
    private static let size = 64 << 10
    private var buffer: [UInt8] = []

    /// Writes a page whose main part `body` writes.
    static func write(title: HTML, header: HTML, footer: HTML, _ body: (inout Page) throws -> Void) throws {
        var page = Page()
        try page.write(
            """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta http-equiv="Content-Security-Policy" content="\(policy)">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <meta name="referrer" content="no-referrer">
            <title>\(title)</title>
            <style>\(HTML(stringLiteral: PageStyle.sheet))</style>
            </head>
            <body>
            <header class="page">\(header)</header>
            <main>

            """)
        try body(&page)
        try page.write("</main>\n<footer class=\"page\"><p>\(footer)</p></footer>\n</body>\n</html>\n")
        try page.flush()
    }

    mutating func write(_ html: HTML) throws {
        buffer.append(contentsOf: html.source.utf8)
        if buffer.count >= Self.size { try flush() }
    }

    private mutating func flush() throws {
        guard Console.write(buffer, to: STDOUT_FILENO) else {
            throw Fault("the page cannot be written to stdout: \(Console.lastError)")
        }
        buffer.removeAll(keepingCapacity: true)
    }

    private static var policy: String {
        let digest = Data(Sodium.sha256(Array(PageStyle.sheet.utf8).span)).base64EncodedString()
        return "default-src 'none'; style-src 'sha256-\(digest)'; base-uri 'none'; form-action 'none'"
    }
}

/// The options of a command that can print a page.
struct PageOutput: ParsableArguments {
    @OptionGroup var output: Output
    @Flag(name: .long, help: "Print a web page: one file, no script, nothing loaded.") var html = false

    var json: Bool { output.json }

    func validate() throws {
        if html, json { throw ValidationError("give --html or --json, and not both") }
    }
}
