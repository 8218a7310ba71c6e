internal import StrictJSON

/// Reads the members of one object of a policy. What it does not know is an error: a restriction that is misspelt would
/// else restrict nothing.
struct MemberReader {
    let json: JSON.Value
    let path: String

    init(_ json: JSON.Value, at path: String, knowing members: [StaticString]) throws(PolicyError) {
        (self.json, self.path) = (json, path)
        guard json.kind == .object else {
            throw error("malformed", "this is not an object", remedy: "write members in { }")
        }
        for (name, _) in json.members where !members.contains(where: { name.equals($0.description) }) {
            let name = (name.string ?? "").beginning(atMost: PolicyLimits.name)
            throw PolicyError(
                "unknown_member", at: Self.path(path, name), "there is no such member here",
                remedy: "the members are \(members.map(\.description).joined(separator: ", "))",
                position: json.position)
        }
    }

    func path(of member: String) -> String { Self.path(path, member) }

    private static func path(_ path: String, _ member: String) -> String {
        path.isEmpty ? member : "\(path).\(member)"
    }

    subscript(name: String) -> JSON.Value? { json[name] }

    func need(_ name: String, remedy: String) throws(PolicyError) -> JSON.Value {
        guard let value = json[name] else {
            throw PolicyError(
                "missing", at: path(of: name), "this member is missing", remedy: remedy, position: json.position)
        }
        return value
    }

    /// A text of 1 to `limit` bytes.
    func text(
        _ name: String, remedy: String, atMost limit: Int = PolicyLimits.text
    ) throws(PolicyError) -> String {
        try Self.text(try need(name, remedy: remedy), at: path(of: name), remedy: remedy, atMost: limit)
    }

    static func text(
        _ value: JSON.Value, at path: String, remedy: String, atMost limit: Int
    ) throws(PolicyError) -> String {
        guard let text = value.string else {
            throw PolicyError("malformed", at: path, "this is not a text", remedy: remedy, position: value.position)
        }
        guard (1...limit).contains(text.utf8.count) else {
            throw PolicyError(
                "limit_exceeded", at: path, "this text has \(text.utf8.count) bytes",
                remedy: "write 1 to \(limit) bytes", position: value.position)
        }
        return text
    }

    /// A name of letters, digits, `.`, `_` and `-`: it stands in logs and in other texts without quotes.
    static func name(_ value: JSON.Value, at path: String, of what: String) throws(PolicyError) -> String {
        let remedy = "\(what) has 1 to \(PolicyLimits.name) letters, digits, ., _ and -"
        let name = try text(value, at: path, remedy: remedy, atMost: PolicyLimits.name)
        guard name.utf8.allSatisfy(isNameByte) else {
            throw PolicyError(
                "malformed", at: path, "this is not a name", remedy: remedy, position: value.position)
        }
        return name
    }

    static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    /// An integer in a range, written without fraction and exponent.
    func integer(_ name: String, in range: ClosedRange<Int64>, remedy: String? = nil) throws(PolicyError) -> Int64 {
        let remedy = remedy ?? "write an integer from \(range.lowerBound) to \(range.upperBound)"
        let value = try need(name, remedy: remedy)
        guard let number = value.int.map({ Int64($0) }) else {
            throw PolicyError(
                "malformed", at: path(of: name), "this is not an integer", remedy: remedy, position: value.position)
        }
        guard range.contains(number) else {
            throw PolicyError(
                "limit_exceeded", at: path(of: name), "\(number) is out of range", remedy: remedy,
                position: value.position)
        }
        return number
    }

    /// A list of 1 to `limit` elements.
    func list(_ name: String, remedy: String, atMost limit: Int) throws(PolicyError) -> [(JSON.Value, path: String)] {
        let list = try need(name, remedy: remedy)
        guard list.kind == .array else {
            throw PolicyError(
                "malformed", at: path(of: name), "this is not a list", remedy: remedy, position: list.position)
        }
        guard (1...limit).contains(list.count) else {
            throw PolicyError(
                "limit_exceeded", at: path(of: name), "this list has \(list.count) elements",
                remedy: "write 1 to \(limit)", position: list.position)
        }
        return list.elements.enumerated().map { ($1, "\(path(of: name))[\($0)]") }
    }

    /// One of the names of an enumeration, or its default where the member is not there.
    func choice<Choice: PolicyChoice>(_ name: String, else fallback: Choice) throws(PolicyError) -> Choice {
        guard let value = json[name] else { return fallback }
        for choice in Choice.allCases where value.equals(choice.rawValue) { return choice }
        throw PolicyError(
            "malformed", at: path(of: name), "this is not one of the values that there are",
            remedy: "write one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))",
            position: value.position)
    }

    func error(_ name: String, _ message: String, remedy: String) -> PolicyError {
        PolicyError(name, at: path, message, remedy: remedy, position: json.position)
    }
}

/// An enumeration whose cases are named in policies.
protocol PolicyChoice: CaseIterable, RawRepresentable where RawValue == String {}
