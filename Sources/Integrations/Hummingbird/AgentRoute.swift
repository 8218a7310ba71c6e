#if Hummingbird
    internal import AgentID
    internal import HTTPTypes

    /// A route and its tool.
    struct AgentRoute: Sendable {
        private enum Part: Sendable {
            case fixed([UInt8])
            case value(String)
            case rest(String)
        }

        let text: String
        let method: String
        let tool: String
        private let parts: [Part]
        /// The fields of the query that there may be; `nil`: any.
        private let fields: [String]?
        private let hasBody: Bool

        /// The methods whose arguments are in path and query alone.
        private static let bodiless = ["GET", "HEAD", "DELETE", "OPTIONS", "TRACE"]

        init(_ text: String, tool: String) throws(AgentIDError) {
            let asked = text.utf8.split(separator: UInt8(ascii: "?"), maxSplits: 1, omittingEmptySubsequences: false)
            let words = asked[0].split(separator: 0x20, omittingEmptySubsequences: false)
            guard words.count == 2, !words[0].isEmpty, words[0].allSatisfy({ (0x41...0x5A).contains($0) }),
                words[1].first == UInt8(ascii: "/")
            else { throw Self.refused(text, "a route is a method and a path, such as GET /users/{id}") }
            self.text = text
            method = String(decoding: words[0], as: UTF8.self)
            self.tool = tool.isEmpty ? String(decoding: asked[0], as: UTF8.self) : tool
            var (parts, names): ([Part], [String]) = ([], [])
            let path = words[1].dropFirst()
            let written = path.isEmpty ? [] : path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            for (i, part) in written.enumerated() {
                guard let part = Self.part(part, isLast: i == written.count - 1) else {
                    throw Self.refused(
                        text,
                        "a part of a path is ASCII without escapes, or {name}, and the last may be {name:path}")
                }
                parts.append(part)
                if case .value(let name) = part { names.append(name) }
                if case .rest(let name) = part { names.append(name) }
            }
            self.parts = parts
            let bodiless = Self.bodiless.contains { $0.utf8.elementsEqual(words[0]) }
            hasBody = !bodiless
            guard asked.count > 1 else {
                fields = bodiless ? nil : []
                try Self.checkDistinct(names, in: text)
                return
            }
            let fields = asked[1].split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: false)
            guard fields.allSatisfy(QueryFields.isName) else {
                throw Self.refused(text, "the fields of its query are names, as in POST /read?path&limit")
            }
            self.fields = fields.map { String(decoding: $0, as: UTF8.self) }
            try Self.checkDistinct(names + (self.fields ?? []), in: text)
        }

        private static func part(_ text: Substring.UTF8View, isLast: Bool) -> Part? {
            guard text.first == UInt8(ascii: "{") else {
                let isText = text.allSatisfy { $0 > 0x20 && $0 < 0x7F && !#"{}*%#\""#.utf8.contains($0) }
                return !text.isEmpty && text.first != UInt8(ascii: ":") && isText ? .fixed(Array(text)) : nil
            }
            guard text.last == UInt8(ascii: "}") else { return nil }
            let inside = text.dropFirst().dropLast()
            let isRest = isLast && inside.suffix(5).elementsEqual(":path".utf8)
            let name = isRest ? inside.dropLast(5) : inside
            guard QueryFields.isName(name) else { return nil }
            let text = String(decoding: name, as: UTF8.self)
            return isRest ? .rest(text) : .value(text)
        }

        private static func checkDistinct(_ names: [String], in text: String) throws(AgentIDError) {
            for (i, name) in names.enumerated() where names[..<i].contains(where: { $0.utf8.elementsEqual(name.utf8) })
            {
                throw refused(text, "\(name) is there twice")
            }
        }

        static func refused(_ text: String, _ reason: String) -> AgentIDError {
            AgentIDError(.argument, name: "route", message: "\(text): \(reason)", at: "tools")
        }

        /// Whether one path could be both routes'.
        func meets(_ other: AgentRoute) -> Bool {
            guard method.utf8.elementsEqual(other.method.utf8) else { return false }
            for (mine, theirs) in zip(parts, other.parts) {
                switch (mine, theirs) {
                case (.rest, _), (_, .rest): return true
                case (.fixed(let mine), .fixed(let theirs)): if mine != theirs { return false }
                default: break
                }
            }
            return parts.count == other.parts.count
        }

        /// The values in a path; `nil` if it is not this route's.
        func values(of path: [UInt8]) -> JSONTree.Members? {
            guard path.first == UInt8(ascii: "/") else { return nil }
            let sent = path.dropFirst()
            let given = sent.isEmpty ? [] : sent.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            // A router takes a path with a part that is empty for one without it.
            guard given.allSatisfy({ !$0.isEmpty }), given.count >= parts.count else { return nil }
            var values: JSONTree.Members = [:]
            for (i, part) in parts.enumerated() {
                switch part {
                case .fixed(let text): guard given[i].elementsEqual(text) else { return nil }
                case .value(let name): values[name] = .string(String(decoding: given[i], as: UTF8.self))
                case .rest(let name):
                    let rest = given[i...].joined(separator: [UInt8(ascii: "/")])
                    values[name] = .string(String(decoding: Array(rest), as: UTF8.self))
                    return values
                }
            }
            return given.count == parts.count ? values : nil
        }

        /// Adds the fields of a query, if they may be there.
        func add(_ query: QueryFields, to values: inout JSONTree.Members) throws(Refusal) {
            for (name, value) in query.fields {
                guard values[name] == nil else {
                    throw Refusal(.badRequest, "call", "an argument is given twice, in the path or the query: \(name)")
                }
                guard fields?.contains(where: { $0.utf8.elementsEqual(name.utf8) }) ?? true else {
                    throw Refusal(
                        .badRequest, "call", "the query of this route has no field \(name): is it in the body?")
                }
                values[name] = .string(value)
            }
        }

        /// One JSON object of values, and of the members of a body as they stand there: the guard reads it, and refuses a name
        /// that is there twice.
        func arguments(
            _ values: JSONTree.Members, _ query: QueryFields, _ body: [UInt8]
        ) throws(Refusal) -> [UInt8] {
            let isSpace: (UInt8) -> Bool = { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
            let object = JSONTree.object(values).canonical()
            let sent = body.drop(while: isSpace)
            guard let first = sent.first else { return object }
            guard first == UInt8(ascii: "{") else {
                throw Refusal(.badRequest, "call", "the body is not a JSON object")
            }
            let members = sent.dropFirst().drop(while: isSpace)
            let isEmpty = members.first == UInt8(ascii: "}") && members.dropFirst().allSatisfy(isSpace)
            guard hasBody || isEmpty else {
                throw Refusal(
                    .badRequest, "call", "arguments of a \(method) are in the path or the query, not in a body")
            }
            try checkNoField(of: query, in: body)
            if values.isEmpty { return body }
            return object.dropLast() + (isEmpty ? [] : [UInt8(ascii: ",")]) + members
        }

        /// Refuses a body with a field of the query that was not in that: a handler would take it for not given.
        private func checkNoField(of query: QueryFields, in body: [UInt8]) throws(Refusal) {
            let left = (fields ?? []).filter { name in
                !query.fields.contains { $0.name.utf8.elementsEqual(name.utf8) }
            }
            guard !left.isEmpty else { return }
            guard let object = try? JSON(parsing: body).root else {
                throw Refusal(.badRequest, "call", "the body is not a JSON object")
            }
            if let name = left.first(where: { object[$0] != nil }) {
                throw Refusal(.badRequest, "call", "\(name) is a field of the query, and is in the body")
            }
        }
    }
#endif
