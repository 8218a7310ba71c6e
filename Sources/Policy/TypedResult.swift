package import StrictJSON

/// A type of result that an agent may take from an isolated one without its labels: too narrow to carry a sentence.
package struct TypedResult: Sendable {
    /// As `join_labels` names it.
    package let name: ExactText
    private let kind: Kind
    /// Those that whoever takes it has from then on.
    package let labels: LabelSet

    private enum Kind: Sendable {
        case number
        case date
        case oneOf([ExactText])
    }

    /// The longest number, in bytes.
    private static let longestNumber = 32

    /// Whether a text is of this type, byte for byte: nothing is trimmed, rounded or converted.
    package func holds(_ text: String) -> Bool {
        switch kind {
        case .number: Self.isNumber(Array(text.utf8))
        case .date: Self.isDate(Array(text.utf8))
        case .oneOf(let texts): texts.contains(text.exact)
        }
    }

    /// The type as people read it.
    package var text: String {
        switch kind {
        case .number: "decimal digits, with a sign and a point perhaps, at most \(Self.longestNumber) characters"
        case .date: "a date such as 2026-11-28"
        case .oneOf(let texts): "one of the \(texts.count) texts that the policy lists"
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isNumber(_ text: [UInt8]) -> Bool {
        guard text.count <= longestNumber else { return false }
        let digits = text.first == UInt8(ascii: "-") ? text.dropFirst() : text[...]
        let parts = digits.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return parts.count <= 2 && parts.allSatisfy { !$0.isEmpty && $0.allSatisfy(isDigit) }
    }

    private static func isDate(_ text: [UInt8]) -> Bool {
        guard text.count == 10, text[4] == UInt8(ascii: "-"), text[7] == UInt8(ascii: "-") else { return false }
        var number = 0
        for (i, byte) in text.enumerated() where i != 4 && i != 7 {
            guard isDigit(byte) else { return false }
            number = number * 10 + Int(byte - UInt8(ascii: "0"))
        }
        let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100)
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        // 31 and 30 alternate, and begin again with August.
        let days = month == 2 ? (isLeap ? 29 : 28) : 30 + (month + month / 8) % 2
        return (1...12).contains(month) && (1...days).contains(day)
    }

    /// Reads the document's list; none where the member is missing.
    static func list(of reader: MemberReader, _ known: LabelNames) throws(PolicyError) -> [TypedResult] {
        guard reader["results"] != nil else { return [] }
        let list = try reader.list(
            "results", remedy: "list the types of results, or leave the member out", atMost: PolicyLimits.results)
        var results: [TypedResult] = []
        for (value, path) in list {
            let member = try MemberReader(value, at: path, knowing: ["name", "type", "labels"])
            let name = try MemberReader.name(
                try member.need("name", remedy: "name the type, as join_labels will"), at: "\(path).name",
                of: "a type of results"
            ).exact
            guard !results.contains(where: { $0.name == name }) else {
                throw PolicyError(
                    "duplicate", at: "\(path).name", "the type \(name) stands here twice", remedy: "remove one",
                    position: value.position)
            }
            var labels: LabelSet = []
            if member["labels"] != nil {
                let list = try member.list(
                    "labels", remedy: "list labels, or leave the member out", atMost: PolicyLimits.expressions)
                for (value, path) in list { labels.formUnion(try known.expression(value, at: path, single: true)) }
            }
            results.append(TypedResult(name: name, kind: try kind(of: member), labels: labels))
        }
        return results
    }

    private static func kind(of member: MemberReader) throws(PolicyError) -> Kind {
        let remedy = "write \"number\", \"date\", or the list of texts that it may be"
        let type = try member.need("type", remedy: remedy)
        if type.equals("number") { return .number }
        if type.equals("date") { return .date }
        guard type.kind == .array else {
            throw PolicyError(
                "malformed", at: member.path(of: "type"), "there is no such type", remedy: remedy,
                position: type.position)
        }
        var texts: [ExactText] = []
        for (value, path) in try member.list("type", remedy: remedy, atMost: PolicyLimits.choices) {
            texts.append(try MemberReader.text(value, at: path, remedy: remedy, atMost: PolicyLimits.text).exact)
        }
        return .oneOf(texts)
    }
}
