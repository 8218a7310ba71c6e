#if Hummingbird
    internal import AgentID
    internal import HTTPTypes

    /// The call that a request is. Without routes the tool is its method and path as sent, e.g. `POST /notes/add`, the arguments
    /// are its body, an empty body an empty object; a query would be outside both, and is refused. So is a body that is not JSON
    /// by its type.
    struct AgentCall {
        let tool: String
        let arguments: [UInt8]

        init(
            _ method: HTTPRequest.Method, _ path: String, body: [UInt8], types: [String] = [], routes: AgentRoutes?
        ) throws(Refusal) {
            guard routes != nil || !path.utf8.contains(UInt8(ascii: "?")) else {
                throw Refusal(.badRequest, "call", "a query is not part of the call: send arguments in the body")
            }
            guard method != .connect, path.utf8.first == UInt8(ascii: "/"), !path.utf8.contains(UInt8(ascii: "#"))
            else {
                throw Refusal(.badRequest, "call", "a call is sent to a path, and to no server by name")
            }
            // What a handler would read as a form is not what the guard has seen.
            guard body.isEmpty || types.isEmpty || (types.count == 1 && Self.isJSON(types[0])) else {
                throw Refusal(.unsupportedMediaType, "content_type", "arguments are sent as application/json, in UTF-8")
            }
            if let routes {
                (tool, arguments) = try routes.call(method, path, body: body)
            } else {
                (tool, arguments) = ("\(method.rawValue) \(path)", body.isEmpty ? Array("{}".utf8) : body)
            }
            try Self.checkNames(in: arguments)
        }

        /// Whether a Content-Type is JSON in UTF-8, and says nothing else.
        private static func isJSON(_ type: String) -> Bool {
            let small = type.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
            let parts = small.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false).map(trimmed)
            let isNamed =
                parts[0].elementsEqual("application/json".utf8)
                || (parts[0].starts(with: "application/".utf8) && parts[0].suffix(5).elementsEqual("+json".utf8))
            return isNamed
                && parts.dropFirst().allSatisfy { part in
                    ["", "charset=utf-8", "charset=\"utf-8\""].contains { $0.utf8.elementsEqual(part) }
                }
        }

        private static func trimmed(_ part: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
            let isSpace: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
            var part = part.drop(while: isSpace)
            while let last = part.last, isSpace(last) { part.removeLast() }
            return part
        }

        /// The longest name that is not of ASCII alone, and the bytes of all such names with their escapes: to compare names as
        /// `String`s takes the square of what it is written with, and nobody has shown a proof yet.
        private static let (longestName, bytesOfNames) = (256, 8192)
        /// Bodies with more names are denied.
        private static let names = 1 << 16

        /// Refuses an object with two names that are the same `String`, as a decoder's keys are, and are not the same bytes. Names
        /// in ASCII are the same text only if they are the same bytes, which the guard refuses.
        private static func checkNames(in body: [UInt8]) throws(Refusal) {
            guard body.contains(where: { $0 >= 0x80 || $0 == UInt8(ascii: "\\") }) else { return }
            var open: [Set<String>] = []
            var (place, found, bytes) = (0, 0, 0)
            while place < body.count, open.count <= 96, found <= names {  // deeper arguments are denied
                switch body[place] {
                case UInt8(ascii: "{"), UInt8(ascii: "["): open.append([])
                case UInt8(ascii: "}"), UInt8(ascii: "]"): _ = open.popLast()
                case UInt8(ascii: "\""):
                    let start = place
                    var isPlain = true
                    place += 1
                    while place < body.count, body[place] != UInt8(ascii: "\"") {
                        isPlain = isPlain && body[place] < 0x80 && body[place] != UInt8(ascii: "\\")
                        place += body[place] == UInt8(ascii: "\\") ? 2 : 1
                    }
                    guard place < body.count, !open.isEmpty, isName(before: body[(place + 1)...]) else { break }
                    found += 1
                    if !isPlain { bytes += place - start }
                    guard bytes <= bytesOfNames, let name = name(in: body[start...place], isPlain) else { break }
                    guard isPlain || name.utf8.count <= longestName else {
                        throw Refusal(.badRequest, "call", "a name beyond ASCII has at most \(longestName) bytes")
                    }
                    let (isNew, other) = open[open.count - 1].insert(name)
                    guard isNew || other.utf8.elementsEqual(name.utf8) else {
                        throw Refusal(.badRequest, "call", "an object has two names that a handler reads as one")
                    }
                default: break
                }
                place += 1
            }
            guard bytes <= bytesOfNames else {
                throw Refusal(.badRequest, "call", "names beyond ASCII have at most \(bytesOfNames) bytes together")
            }
        }

        /// The name that a text in quotes is; `nil` if it is not well-formed, which the guard refuses.
        private static func name(in text: ArraySlice<UInt8>, _ isPlain: Bool) -> String? {
            isPlain
                ? String(decoding: text.dropFirst().dropLast(), as: UTF8.self)
                : try? JSON(parsing: Array(text)).root.string
        }

        private static func isName(before rest: ArraySlice<UInt8>) -> Bool {
            rest.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } == UInt8(ascii: ":")
        }
    }
#endif
