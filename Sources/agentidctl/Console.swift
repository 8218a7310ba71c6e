import Foundation

/// Data on stdout, messages on stderr, exit statuses.
enum Console {
    static func data(_ text: String) {
        FileHandle.standardOutput.write(Data((text.hasSuffix("\n") ? text : text + "\n").utf8))
    }

    static func message(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

    static func end(_ status: Int32) -> Never { exit(status) }

    /// A text of at most `limit` bytes out of a file; `-` is stdin.
    static func read(_ path: String, limit: Int = 1 << 20) throws -> [UInt8] {
        let handle = path == "-" ? FileHandle.standardInput : try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
        let data = try handle.read(upToCount: limit + 1) ?? Data()
        guard data.count <= limit else { throw Fault("\(path) is longer than \(limit) bytes") }
        return Array(data)
    }

    /// The text without one newline at its end, as editors leave it.
    static func line(_ bytes: [UInt8]) -> [UInt8] { bytes.last == 0x0A ? Array(bytes.dropLast()) : bytes }

    /// What others named, made harmless for a terminal: control and bidirectional characters become visible.
    static func safe(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control where scalar != "\n", .format, .surrogate, .privateUse, .lineSeparator, .paragraphSeparator:
                result += "\\u{" + String(scalar.value, radix: 16) + "}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

struct Fault: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
