#if Hummingbird
    internal import HTTPTypes

    /// The fields of a query, where all that read one read the same.
    struct QueryFields {
        private(set) var fields: [(name: String, value: String)] = []
        private static let most = 100

        init() {}

        init(_ query: [UInt8]) throws(Refusal) {
            guard query.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !";+#".utf8.contains($0) }) else {
                throw Refusal(
                    .badRequest, "call", "a query is ASCII: write a space as %20, a plus as %2B, a semicolon as %3B")
            }
            let written =
                query.isEmpty ? [] : query.split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: false)
            guard written.count <= Self.most else {
                throw Refusal(.badRequest, "call", "a query has at most \(Self.most) fields")
            }
            for field in written {
                let parts = field.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
                guard Self.isName(parts[0]) else {
                    throw Refusal(.badRequest, "call", "the name of a field has letters, digits, '.', '_', '~' and '-'")
                }
                guard let value = Self.decoded(parts.count > 1 ? parts[1] : []) else {
                    throw Refusal(.badRequest, "call", "the value of a field is UTF-8, escaped as %20")
                }
                fields.append((String(decoding: parts[0], as: UTF8.self), value))
            }
        }

        /// Whether a name needs no escapes: Hummingbird would not undo them.
        static func isName(_ name: some Collection<UInt8>) -> Bool {
            !name.isEmpty && name.count <= 256
                && name.allSatisfy {
                    (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                        || "._~-".utf8.contains($0)
                }
        }

        private static func decoded(_ text: ArraySlice<UInt8>) -> String? {
            var bytes: [UInt8] = []
            var rest = text
            while let byte = rest.popFirst() {
                guard byte == UInt8(ascii: "%") else {
                    bytes.append(byte)
                    continue
                }
                guard let high = digit(rest.popFirst()), let low = digit(rest.popFirst()) else { return nil }
                bytes.append(high << 4 | low)
            }
            return String(validating: bytes, as: UTF8.self)
        }

        private static func digit(_ byte: UInt8?) -> UInt8? {
            switch byte {
            case .some(let byte) where (0x30...0x39).contains(byte): byte - 0x30
            case .some(let byte) where (0x41...0x46).contains(byte): byte - 0x41 + 10
            case .some(let byte) where (0x61...0x66).contains(byte): byte - 0x61 + 10
            default: nil
            }
        }
    }
#endif
