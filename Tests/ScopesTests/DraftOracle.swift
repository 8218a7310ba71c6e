import StrictJSON
import TestSupport

/// The draft's text of its nine types once more, read off the page and naively: values are compared as JCS writes them, and
/// everything is looked at everywhere. Written to be compared with the library, and shares nothing with it but JSON.
enum DraftOracle {
    private static func text(_ value: JSON.Value) -> [UInt8] { value.canonical() }
    private static func list(_ json: JSON.Value, _ name: String) -> [JSON.Value] {
        json[name].map { Array($0.elements) } ?? []
    }
    private static func has(_ values: [JSON.Value], _ value: JSON.Value) -> Bool {
        values.contains { text($0) == text(value) }
    }
    private static func isSubset(_ few: [JSON.Value], of many: [JSON.Value]) -> Bool {
        few.allSatisfy { has(many, $0) }
    }
    private static func type(_ json: JSON.Value) -> String { json["constraint_type"]?.string ?? "" }

    /// Section 3.4, "A constraint is well-formed when".
    static func isWellFormed(_ json: JSON.Value, isEntry: Bool = true) -> Bool {
        guard json.kind == .object else { return false }
        let members: [String: [String]] = [
            "exact": ["value"], "range": ["min", "max", "min_inclusive", "max_inclusive"],
            "one_of": ["values"],
            "not_one_of": ["excluded"], "contains": ["required"], "subset": ["allowed"], "wildcard": [],
            "all": ["constraints"], "any": ["constraints"],
        ]
        guard let own = members[type(json)] else { return false }
        for (name, value) in json.members {
            let name = name.string ?? ""
            if name == "optional" { guard isEntry, value.bool != nil else { return false } }
            guard (own + ["constraint_type", "optional"]).contains(name) else { return false }
        }
        switch type(json) {
        case "exact": return json["value"].map { $0.kind != .array && $0.kind != .object } ?? false
        case "one_of": return json["values"]?.kind == .array && json["values"]?.count != 0
        case "not_one_of", "contains", "subset": return json[own[0]]?.kind == .array
        case "all", "any":
            guard let clauses = json["constraints"], clauses.kind == .array, clauses.count > 0 else {
                return false
            }
            return clauses.elements.allSatisfy { isWellFormed($0, isEntry: false) }
        case "range":
            for (bound, flag) in [("min", "min_inclusive"), ("max", "max_inclusive")] {
                if let value = json[bound], value.number == nil { return false }
                if let value = json[flag], value.bool == nil || json[bound] == nil { return false }
            }
            if let min = json["min"]?.number, let max = json["max"]?.number, min > max { return false }
            return true
        default: return true
        }
    }

    /// Section 3.4, the table's semantics.
    static func check(_ json: JSON.Value, _ value: JSON.Value) -> Bool {
        switch type(json) {
        case "exact": return json["value"].map { text($0) == text(value) } ?? false
        case "range":
            guard let number = value.number else { return false }
            if let min = json["min"]?.number {
                if number < min || number == min && json["min_inclusive"]?.bool == false { return false }
            }
            if let max = json["max"]?.number {
                if number > max || number == max && json["max_inclusive"]?.bool == false { return false }
            }
            return true
        case "one_of": return has(list(json, "values"), value)
        case "not_one_of": return !has(list(json, "excluded"), value)
        case "contains":
            return value.kind == .array && isSubset(list(json, "required"), of: Array(value.elements))
        case "subset":
            return value.kind == .array && isSubset(Array(value.elements), of: list(json, "allowed"))
        case "wildcard": return true
        case "all": return list(json, "constraints").allSatisfy { check($0, value) }
        case "any": return list(json, "constraints").contains { check($0, value) }
        default: return false
        }
    }

    /// Section 4.5, the table.
    static func subsumes(_ parent: JSON.Value, _ child: JSON.Value) -> Bool {
        switch (type(parent), type(child)) {
        case ("wildcard", _): return true
        case ("exact", "exact"): return check(parent, child["value"] ?? child)
        case ("range", "exact"): return check(parent, child["value"] ?? child)
        case ("one_of", "exact"): return check(parent, child["value"] ?? child)
        case ("one_of", "one_of"): return isSubset(list(child, "values"), of: list(parent, "values"))
        case ("not_one_of", "not_one_of"):
            return isSubset(list(parent, "excluded"), of: list(child, "excluded"))
        case ("contains", "contains"):
            return isSubset(list(parent, "required"), of: list(child, "required"))
        case ("subset", "subset"): return isSubset(list(child, "allowed"), of: list(parent, "allowed"))
        case ("all", "all"):
            return list(parent, "constraints").allSatisfy { p in
                list(child, "constraints").contains { subsumes(p, $0) }
            }
        case ("any", "any"):
            return list(child, "constraints").allSatisfy { c in
                list(parent, "constraints").contains { subsumes($0, c) }
            }
        case ("range", "range"):
            if let min = parent["min"]?.number {
                guard let own = child["min"]?.number, own >= min else { return false }
                let (isOpen, isOwnOpen) = (
                    parent["min_inclusive"]?.bool == false, child["min_inclusive"]?.bool == false
                )
                if own == min, isOpen, !isOwnOpen { return false }
            }
            if let max = parent["max"]?.number {
                guard let own = child["max"]?.number, own <= max else { return false }
                let (isOpen, isOwnOpen) = (
                    parent["max_inclusive"]?.bool == false, child["max_inclusive"]?.bool == false
                )
                if own == max, isOpen, !isOwnOpen { return false }
            }
            return true
        default: return false
        }
    }

    /// A map's named constraints and whether it has `"*"`, with an empty map normalised (section 3.3).
    private static func map(_ json: JSON.Value) -> (
        named: [(name: String, constraint: JSON.Value)], star: Bool
    ) {
        let named = json.members.map { (name: $0.name.string ?? "", constraint: $0.value) }
        return (named.filter { $0.name != "*" }, json.count == 0 || named.contains { $0.name == "*" })
    }

    static func isWellFormedMap(_ json: JSON.Value) -> Bool {
        json.members.allSatisfy { name, constraint in
            guard isWellFormed(constraint) else { return false }
            return !name.equals("*") || type(constraint) == "wildcard" && constraint["optional"] == nil
        }
    }

    /// Section 8, step 6b.
    static func permits(_ json: JSON.Value, _ call: JSON.Value) -> Bool {
        let (named, star) = map(json)
        for (name, value) in call.members {
            if let own = named.first(where: { name.equals($0.name) }) {
                guard check(own.constraint, value) else { return false }
            } else if !star {
                return false
            }
        }
        return named.allSatisfy { $0.constraint["optional"]?.bool == true || call[$0.name] != nil }
    }

    /// Section 8, steps 4p2 to 4p4.
    static func subsumesMap(_ parent: JSON.Value, _ child: JSON.Value) -> Bool {
        let (p, c) = (map(parent), map(child))
        if c.star, !p.star { return false }
        for own in p.named where !c.named.contains(where: { $0.name == own.name }) {
            guard own.constraint["optional"]?.bool == true, !c.star else { return false }
        }
        for own in c.named {
            guard let above = p.named.first(where: { $0.name == own.name }) else {
                guard p.star else { return false }
                continue
            }
            let (isOptional, mayBe) = (
                own.constraint["optional"]?.bool == true, above.constraint["optional"]?.bool == true
            )
            guard !isOptional || mayBe, subsumes(above.constraint, own.constraint) else { return false }
        }
        return true
    }
}

/// Small constraints in the form of tokens, some of them not well-formed.
struct DraftGenerator {
    var random: Seeded

    static let values = [
        "0", "1", "2", "-1", "1.5", "1e0", "-0", "null", "true", #""a""#, #""b""#, #""0""#, "[]",
        #"["a"]"#, #"["a","b"]"#,
        "[1]", "[1.0,2]", #"["b","a","a"]"#, #"{"a":1}"#, #"{"a":1.0}"#,
    ]

    mutating func value() -> String { Self.values.randomElement(using: &random) ?? "0" }

    mutating func one(in range: Range<Int>) -> Int { Int.random(in: range, using: &random) }

    /// At most one in `rarely` is made wrong on purpose.
    mutating func constraint(depth: Int = 0, optional: Bool = false, rarely: Int = 40) -> String {
        func array(_ generator: inout DraftGenerator, from least: Int) -> String {
            "[" + (0..<generator.one(in: least..<4)).map { _ in generator.value() }.joined(separator: ",")
                + "]"
        }
        var members: String
        let isWrong = one(in: 0..<rarely) == 0
        switch one(in: 0..<(depth < 3 ? 13 : 8)) {
        case 0: members = #""constraint_type":"exact","value":\#(isWrong ? "[1]" : scalar())"#
        case 1, 2:
            members = #""constraint_type":"range""#
            let (low, high) = (one(in: -1..<3), one(in: isWrong ? -1..<3 : 2..<4))
            let (hasLow, hasHigh) = (one(in: 0..<3) > 0, one(in: 0..<3) > 0)
            if hasLow { members += #","min":\#(low)"# }
            if hasHigh { members += #","max":\#(high)"# }
            if hasLow || isWrong, one(in: 0..<3) == 0 {
                members += #","min_inclusive":\#(one(in: 0..<2) == 0)"#
            }
            if hasHigh || isWrong, one(in: 0..<3) == 0 {
                members += #","max_inclusive":\#(one(in: 0..<2) == 0)"#
            }
        case 3:
            members = #""constraint_type":"one_of","values":\#(array(&self, from: isWrong ? 0 : 1))"#
        case 4: members = #""constraint_type":"not_one_of","excluded":\#(array(&self, from: 0))"#
        case 5:
            members =
                #""constraint_type":"contains","required":\#(isWrong ? "1" : array(&self, from: 0))"#
        case 6: members = #""constraint_type":"subset","allowed":\#(array(&self, from: 0))"#
        case 7: members = #""constraint_type":"\#(isWrong ? "Wildcard" : "wildcard")""#
        default:
            let kind = one(in: 0..<2) == 0 ? "all" : "any"
            var clauses: [String] = []
            for _ in 0..<one(in: isWrong ? 0..<2 : 1..<4) {
                clauses.append(
                    constraint(depth: depth + 1, optional: isWrong && one(in: 0..<2) == 0, rarely: rarely))
            }
            members = #""constraint_type":"\#(kind)","constraints":[\#(clauses.joined(separator: ","))]"#
        }
        if optional { members += #","optional":\#(one(in: 0..<4) > 0)"# }
        if isWrong, one(in: 0..<3) == 0 { members += #","other":1"# }
        return "{\(members)}"
    }

    private mutating func scalar() -> String {
        Self.values.filter { !$0.hasPrefix("[") && !$0.hasPrefix("{") }.randomElement(using: &random)
            ?? "0"
    }

    /// One constraint changed a little: so that pairs are below one another often enough.
    mutating func variant(of constraint: String) -> String {
        guard one(in: 0..<4) > 0 else { return self.constraint(optional: one(in: 0..<2) == 0) }
        let changes = [
            (#""min":0"#, #""min":1"#), (#""max":3"#, #""max":2"#), (#""range""#, #""range","max":2"#),
            ("[1]", "[1,2]"),
            (#","optional":true"#, ""), (#""excluded":["#, #""excluded":["a","#),
            (#""required":["#, #""required":[1,"#),
            (#""constraints":["#, #""constraints":[{"constraint_type":"exact","value":1},"#),
            (",null", ""),
            (#"{"constraint_type":"wildcard"}"#, #"{"constraint_type":"exact","value":"a"}"#),
        ]
        guard
            let (old, new) = changes.filter({ constraint.contains($0.0) }).randomElement(using: &random)
        else {
            return constraint
        }
        let changed = constraint.replacing(old, with: new, maxReplacements: 1).replacing(",]", with: "]")
        return (try? JSON(parsing: changed)) == nil ? constraint : changed
    }

    mutating func map(like other: [String: String]? = nil) -> [String: String] {
        var map: [String: String] = [:]
        for name in ["a", "b"] {
            if let known = other?[name] {
                if one(in: 0..<5) > 0 { map[name] = variant(of: known) }
            } else if one(in: 0..<5) < (other == nil ? 3 : 1) {
                map[name] = constraint(optional: one(in: 0..<2) == 0)
            }
        }
        if one(in: 0..<3) == 0 {
            map["*"] =
                one(in: 0..<20) == 0 ? constraint(optional: true) : #"{"constraint_type":"wildcard"}"#
        }
        return map
    }

    static func text(_ map: [String: String]) -> String {
        "{"
            + map.sorted { $0.key < $1.key }.map { #""\#($0.key)":\#($0.value)"# }.joined(separator: ",")
            + "}"
    }
}
