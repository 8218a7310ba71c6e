internal import StrictJSON

// Documents within a program's own Codable types: an answer over HTTP, a record.
extension JSONTree: Encodable, Decodable {
    /// The deepest nesting that is read, as in documents of the library.
    private static let deepest = 128

    private struct Name: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// Writes the document with any encoder. Whole numbers are `Int`, others `Double`.
    public func encode(to encoder: any Encoder) throws {
        // Canonical, whichever way it was built: a name that is there twice is refused here.
        try Self.encode(JSON(parsing: canonical()).root, to: encoder)
    }

    private static func encode(_ value: JSON.Value, to encoder: any Encoder) throws {
        switch value.kind {
        case .array:
            var list = encoder.unkeyedContainer()
            for element in value.elements { try encode(element, to: list.superEncoder()) }
        case .object:
            var object = encoder.container(keyedBy: Name.self)
            for member in value.members {
                let name = Name(stringValue: member.name.string ?? "")
                try encode(member.value, to: object.superEncoder(forKey: name))
            }
        case .null, .bool, .number, .string:
            var single = encoder.singleValueContainer()
            if let bool = value.bool { return try single.encode(bool) }
            if let int = value.int { return try single.encode(int) }
            if let number = value.number { return try single.encode(number) }
            if let string = value.string { return try single.encode(string) }
            try single.encodeNil()
        }
    }

    /// Reads any JSON value with any decoder. Throws `DecodingError` for what JSON does not have, and past 128 levels.
    public init(from decoder: any Decoder) throws {
        guard decoder.codingPath.count < Self.deepest else {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath,
                    debugDescription: "a document nests at most \(Self.deepest) levels deep"))
        }
        if let object = try? decoder.container(keyedBy: Name.self) {
            var members: Members = [:]
            for name in object.allKeys { members[name.stringValue] = try object.decode(JSONTree.self, forKey: name) }
            self = .object(members)
        } else if var list = try? decoder.unkeyedContainer() {
            var elements: [JSONTree] = []
            while !list.isAtEnd { elements.append(try list.decode(JSONTree.self)) }
            self = .array(elements)
        } else {
            let single = try decoder.singleValueContainer()
            if single.decodeNil() {
                self = .null
            } else if let bool = try? single.decode(Bool.self) {
                self = .bool(bool)
            } else if let int = try? single.decode(Int.self) {
                self = .int(int)
            } else if let number = try? single.decode(Double.self) {
                self = .number(number)
            } else {
                self = .string(try single.decode(String.self))
            }
        }
    }
}
