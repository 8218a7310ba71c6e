import StrictJSON

/// A policy as people read it and go on with it: JSON, a member on a line, and of lists of objects each.
enum PolicyText {
    static func of(_ policy: JSON.Value) -> PrintableText {
        let members = ordered(policy, ["version", "mode", "labels", "approvers", "results", "rules"]).map {
            name, value -> PrintableText in
            let objects = value.elements.filter { $0.members.contains { _ in true } }.map(object)
            let text: PrintableText =
                objects.isEmpty ? PrintableText(.value(value)) : "[\n   \(objects.joined(separator: ",\n   "))]"
            return "\(PrintableText(.string(name))): \(text)"
        }
        return "{\(members.joined(separator: ",\n "))}"
    }

    private static func object(_ value: JSON.Value) -> PrintableText {
        let members = ordered(value, ["id", "match", "name"]).map { name, value -> PrintableText in
            "\(PrintableText(.string(name))): \(PrintableText(.value(value)))"
        }
        return "{\(members.joined(separator: ", "))}"
    }

    /// The members, those named first, then the others in their order.
    private static func ordered(_ value: JSON.Value, _ first: [String]) -> [(String, JSON.Value)] {
        let all = value.members.map { ($0.name.string ?? "", $0.value) }
        return first.flatMap { name in all.filter { $0.0.isSame(as: name) } }
            + all.filter { member in !first.contains { $0.isSame(as: member.0) } }
    }
}
