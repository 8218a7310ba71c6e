internal import AgentID
internal import Scopes
internal import StrictJSON

/// An input that somebody thought of, because chance finds it seldom: lists that are long in one way and short in another.
package struct Attack {
    package let name: String
    package let run: () -> Void
}

extension World {
    /// Each under every documented limit.
    package func attacks() -> [Attack] {
        comparing() + matching() + reading() + deciding()
    }

    private static func text(_ string: String) -> String { JSONTree.string(string).text }
    private static func typed(_ type: String, _ members: String) -> String {
        #"{"constraint_type":"\#(type)",\#(members)}"#
    }
    private static func list(_ type: String, _ clauses: [String]) -> String {
        typed(type, #""constraints":[\#(clauses.joined(separator: ","))]"#)
    }
    private static func set(_ type: String, _ member: String, _ values: [String]) -> String {
        typed(type, #""\#(member)":[\#(values.joined(separator: ","))]"#)
    }
    private static func glob(_ pattern: String) -> String { typed("glob", #""pattern":\#(text(pattern))"#) }
    private static func uri(_ member: String, _ values: [String]) -> String { set("uri", member, values) }

    /// Any number of clauses, 60 to a list.
    private static func nested(_ clauses: [String], _ type: String = "all") -> String {
        list(
            type,
            stride(from: 0, to: clauses.count, by: 60).map {
                list(type, Array(clauses[$0..<min($0 + 60, clauses.count)]))
            })
    }

    private static func scope(_ constraint: String) -> Scope? { try? Scope(#"{"t":{"x":\#(constraint)}}"#) }

    private static func quoted(_ count: Int, _ body: (Int) -> String) -> [String] { (0..<count).map { text(body($0)) } }

    private static func repeated(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }

    /// Two constraints of at most 47 kB each, compared and met.
    private func comparing() -> [Attack] {
        let hard = "*a" + Self.repeated("?", 17)
        let hosts = Self.uri("hosts", Self.quoted(1000) { "h\($0).example" })
        let ports = Self.nested((0..<500).map { Self.uri("ports", ["\($0 + 1)", "443"]) })
        let wide = Self.uri("ports", (1...1024).map { "\($0)" })
        let stars = Self.uri("hosts", Self.quoted(1000) { "*.h\($0).example" })
        let addresses = Self.uri("hosts", Self.quoted(1000) { "[2001:db8::\(String($0 + 1, radix: 16))]" })
        let others = Self.uri("hosts", Self.quoted(1000) { "[2001:db9::\(String($0 + 1, radix: 16))]" })
        let anys = (0..<45).map { i in
            Self.list("any", [Self.uri("hosts", Self.quoted(90) { $0 == 89 ? "z\(i)" : "a\($0)" })])
        }
        let members = Self.set("subset", "allowed", (0..<1024).map { #"{"a\#($0)":1,"b":2}"# })
        let reversed = Self.set("subset", "allowed", (0..<1024).map { #"{"b":2,"a\#($0)":1}"# })
        let deep = (0..<90).reduce("1") { inner, _ in #"{"b":[\#(inner)],"a":1}"# }
        let turned = (0..<90).reduce("1") { inner, _ in #"{"a":1,"b":[\#(inner)]}"# }
        let pairs: [(String, String, String)] = [
            (
                "globs that must be walked", Self.list("any", [Self.glob(hard), Self.glob("*")]),
                Self.list("any", (0..<17).map { i in Self.glob("*a" + (0..<17).map { $0 == i ? "a" : "?" }.joined()) })
            ),
            (
                "long globs",
                Self.nested((0..<130).map { Self.glob("*" + Self.repeated("?*b", 80) + "\($0)*") }, "any"),
                Self.nested((0..<130).map { Self.glob("*" + Self.repeated("?*b", 80) + "\($0)*c*") }, "any")
            ),
            (
                "short globs", Self.nested((0..<800).map { Self.glob("*a\($0)*") }, "any"),
                Self.nested((0..<800).map { Self.glob("*b\($0)*") }, "any")
            ),
            (
                "globs about paths", Self.nested((0..<700).map { Self.glob("/**/a\($0)/*") }, "any"),
                Self.nested((0..<700).map { Self.glob("/*/a\($0)/?*") }, "any")
            ),
            ("hosts and ports", hosts, ports), ("ports and ports", wide, ports),
            ("hosts below wildcards", stars, hosts),
            ("wildcards and wildcards", stars, Self.uri("hosts", Self.quoted(1000) { "*.g\($0).example" })),
            ("addresses", addresses, others),
            ("any of hosts", Self.list("all", anys), Self.list("all", anys.reversed())),
            ("members in another order", members, reversed),
            ("deep values", Self.set("one_of", "values", [deep]), Self.set("one_of", "values", [turned])),
            (
                "sets in clauses", Self.nested((0..<40).map { i in Self.set("contains", "required", ["\(i)"]) }),
                Self.nested((0..<40).map { i in Self.set("not_one_of", "excluded", (0..<200).map { "\($0 * i)" }) })
            ),
            (
                "wildcards in clauses", Self.nested((0..<1300).map { _ in #"{"constraint_type":"wildcard"}"# }),
                Self.nested((0..<1300).map { _ in #"{"constraint_type":"wildcard"}"# })
            ),
            (
                "ranges in any", Self.nested((0..<900).map { Self.typed("range", #""min":\#($0)"#) }, "any"),
                Self.nested((0..<900).map { Self.typed("range", #""max":\#($0)"#) }, "any")
            ),
            (
                "values and globs", Self.nested((0..<700).map { Self.glob("*a\($0)*") }, "any"),
                Self.set("one_of", "values", Self.quoted(1000) { "b\($0)" })
            ),
            (
                "values in any and globs", Self.nested((0..<700).map { Self.glob("*a*b\($0)*") }, "any"),
                Self.nested([Self.set("one_of", "values", [Self.text(Self.repeated("a", 4000))])], "any")
            ),
        ]
        return pairs.flatMap { name, one, other -> [Attack] in
            guard let a = Self.scope(one), let b = Self.scope(other) else {
                return [Attack(name: "NOT READ: \(name)", run: {})]
            }
            return [
                Attack(name: "below: \(name)") { _ = a.expansion(by: b) },
                Attack(name: "meet: \(name)") { _ = try? a.meet(b) },
                Attack(name: "narrowed: \(name)") { _ = try? a.narrowed(to: b) },
                Attack(name: "normalized: \(name)") { _ = try? b.normalized() },
                Attack(name: "equal: \(name)") { _ = a == b },
                Attack(name: "text: \(name)") { _ = a.text },
                Attack(name: "summary: \(name)") { _ = a.summary },
                Attack(name: "tree: \(name)") { _ = a.tree.canonical() },
                Attack(name: "covers: \(name)") { for tool in b.tools { _ = a.covers(tool) } },
            ]
        }
    }

    private static func each(_ constraint: String) -> String { typed("each", #""constraint":\#(constraint)"#) }

    private static func network(_ i: Int) -> String {
        set("cidr", "networks", ["\"10.\(i >> 8).\(i & 255).0/24\""])
    }

    /// Many names, none of which need be there.
    private static func members(_ count: Int) -> String {
        let names = (0..<count).map { "\"n\($0)\"" }
        let members = names.map { $0 + #":{"constraint_type":"wildcard"}"# }.joined(separator: ",")
        let optional = names.joined(separator: ",")
        return typed("members", #""members":{\#(members)},"optional_members":[\#(optional)],"others":true"#)
    }

    private static let mebibyte = 1_048_000

    /// A constraint of at most 47 kB and a value of at most 1 MiB.
    private func matching() -> [Attack] {
        let a = Self.text(Self.repeated("a", Self.mebibyte))
        let path = Self.text("/" + Self.repeated("a/", Self.mebibyte / 2))
        let digits = Self.text(Self.repeated("1", Self.mebibyte))
        let address = Self.text(Self.repeated("1.", Self.mebibyte / 2))
        let numbers = "[" + (0..<Self.mebibyte / 2).map { "\($0 % 10)" }.joined(separator: ",") + "]"
        let texts = "[" + (0..<Self.mebibyte / 4).map { "\"\($0 % 10)\"" }.joined(separator: ",") + "]"
        let wide = "{" + (0..<Self.mebibyte / 16).map { #""k\#($0)":1"# }.joined(separator: ",") + "}"
        let objects = "[" + (0..<Self.mebibyte / 14).map { _ in #"{"b":1,"a":2}"# }.joined(separator: ",") + "]"
        let uriText = Self.text("https://" + Self.repeated("a.", 4000) + "h/")
        let pairs: [(String, String, String)] = [
            ("globs, a", Self.nested((0..<900).map { Self.glob("a*\($0)") }, "any"), a),
            ("globs with a run, a", Self.nested((0..<900).map { Self.glob("*a*\($0)") }, "any"), a),
            ("globs about paths", Self.nested((0..<900).map { Self.glob("/*/\($0)") }, "any"), path),
            ("one long glob", Self.glob(Self.repeated("*a", 126) + "*b"), a),
            ("scalars", Self.glob("*" + Self.repeated("?", 200)), Self.text(Self.repeated("é", Self.mebibyte / 2))),
            (
                "paths", Self.nested((0..<900).map { Self.typed("path_containment", #""root":"/\#($0)""#) }, "any"),
                path
            ),
            ("decimals", Self.nested((0..<900).map { Self.typed("decimal_range", #""min":"\#($0)""#) }, "any"), digits),
            (
                "decimals, short",
                Self.nested((0..<900).map { Self.typed("decimal_range", #""min":"\#($0)""#) }, "any"),
                Self.text("0." + Self.repeated("1", 250))
            ),
            (
                "networks",
                Self.nested((0..<800).map { Self.set("cidr", "networks", ["\"10.\($0 % 256).0.0/16\""]) }, "any"),
                address
            ),
            ("uris", Self.nested((0..<800).map { Self.uri("hosts", ["\"h\($0)\""]) }, "any"), uriText),
            ("hosts", Self.uri("hosts", Self.quoted(1000) { "h\($0).example" }), uriText),
            (
                "each of many",
                Self.each(Self.nested((0..<700).map { Self.typed("exact", #""value":-\#($0 + 1)"#) }, "any")), numbers
            ),
            ("each in networks", Self.each(Self.nested((0..<500).map { Self.network($0) }, "any")), texts),
            (
                "each a decimal",
                Self.each(Self.typed("decimal_range", #""min":"-\#(Self.repeated("9", 255))""#)), texts
            ),
            ("members of each", Self.each(Self.members(60)), objects),
            ("lists of each", Self.each(Self.each(Self.nested((0..<700).map { Self.glob("*a\($0)*") }, "any"))), texts),
            ("members of many names", Self.members(60), wide),
            ("a set of numbers", Self.set("subset", "allowed", (0..<1000).map { "\($0)" }), numbers),
            ("a small set", Self.set("subset", "allowed", (0..<8).map { "\($0 + 2)" } + ["0", "1"]), numbers),
            ("a scanned set", Self.set("subset", "allowed", ["5", "4", "3", "2", "1", "0", "6", "[]"]), numbers),
            ("a set of texts", Self.set("subset", "allowed", Self.quoted(1000) { "\($0)" }), texts),
            ("what is needed", Self.set("contains", "required", Self.quoted(1000) { "\($0)" }), texts),
            (
                "many sets",
                Self.nested(
                    (0..<300).map { i in Self.set("subset", "allowed", (0..<20).map { "\($0)" } + ["\(i + 30)"]) }),
                numbers
            ),
            (
                "many that are needed",
                Self.nested((0..<700).map { Self.set("contains", "required", ["\($0 + 20)"]) }, "any"),
                numbers
            ),
            ("objects", Self.set("subset", "allowed", [#"{"a":2,"b":1}"#]), objects),
            (
                "objects, hashed",
                Self.set("subset", "allowed", [#"{"a":2,"b":1}"#] + (0..<20).map { "\($0)" }), objects
            ),
            ("exactly", Self.nested((0..<700).map { Self.typed("exact", #""value":"\#($0)""#) }, "any"), a),
            ("not one of", Self.nested((0..<700).map { Self.set("not_one_of", "excluded", ["\"\($0)\""]) }), numbers),
            (
                "not one of many",
                Self.nested((0..<40).map { i in Self.set("not_one_of", "excluded", (0..<100).map { "\($0 + i)" }) }),
                numbers
            ),
        ]
        return pairs.flatMap { name, constraint, value -> [Attack] in
            let call = #"{"x":\#(value)}"#
            guard let scope = Self.scope(constraint), let json = try? JSON(parsing: call) else {
                return [Attack(name: "NOT READ: \(name)", run: {})]
            }
            var attacks = [
                Attack(name: "match: \(name)") {
                    let refusal = scope.refusal(of: "t", arguments: json.root)
                    _ = refusal?.explanation(tool: "t")
                }
            ]
            let tools = #"{"t":{"x":\#(constraint)}}"#
            if let run = calling(tools, call) { attacks.append(Attack(name: "call: \(name)", run: run)) }
            if let run = calling(tools, call, isRecording: true) {
                attacks.append(Attack(name: "recorded: \(name)", run: run))
            }
            return attacks
        }
    }

    private static let hidden = "\u{202E}"

    /// Documents of at most a mebibyte.
    private func reading() -> [Attack] {
        func object(_ name: (Int) -> String) -> String {
            var text = "{"
            var i = 0
            while text.utf8.count < Self.mebibyte - 400 {
                text += (i == 0 ? "" : ",") + Self.text(name(i)) + ":1"
                i += 1
            }
            return text + "}"
        }
        func array(_ element: String) -> String {
            "[" + [String](repeating: element, count: Self.mebibyte / (element.utf8.count + 1)).joined(separator: ",")
                + "]"
        }
        let documents: [(String, String)] = [
            ("numbers", object { "\($0)" }), ("names turned", object { String("\($0)".reversed()) }),
            ("short names", object { String($0, radix: 36) }),
            ("long start", object { Self.repeated("a", 200) + "\($0)" }),
            ("hidden names", object { Self.repeated(Self.hidden, 20) + "\($0)" }),
            ("one hidden name", #"{"\#(Self.repeated(Self.hidden, Self.mebibyte / 3))":1}"#),
            ("one name of marks", #"{"\#(Self.repeated("\u{301}", Self.mebibyte / 2))":1}"#),
            ("one name of escapes", #"{"\#(Self.repeated("\\u0001", Self.mebibyte / 6))":1}"#),
            ("escapes", #"{"x":"\#(Self.repeated("\\u0001", Self.mebibyte / 6))"}"#),
            ("many escapes", #"{"x":\#(array(#""\n""#))}"#),
            ("zeros", #"{"x":\#(array("0"))}"#), ("fractions", #"{"x":\#(array("1.1"))}"#),
            ("exponents", #"{"x":\#(array("1e300"))}"#), ("small numbers", #"{"x":\#(array("5e-324"))}"#),
            ("long numbers", #"{"x":\#(array("0." + Self.repeated("123456789", 30)))}"#),
            ("one number", #"{"x":0.\#(Self.repeated("1", Self.mebibyte))}"#),
            ("one number with zeros", #"{"x":\#(Self.repeated("1", 16))\#(Self.repeated("0", Self.mebibyte))}"#),
            ("an exponent", #"{"x":1e\#(Self.repeated("0", Self.mebibyte))1}"#),
            ("arrays", #"{"x":\#(array("[]"))}"#), ("objects", #"{"x":\#(array("{}"))}"#),
            ("small objects", #"{"x":\#(array(#"{"b":1,"a":2}"#))}"#),
            (
                "objects of 16",
                #"{"x":\#(array("{" + (0..<16).map { "\"\($0)\":0" }.reversed().joined(separator: ",") + "}"))}"#
            ),
            (
                "objects of 17",
                #"{"x":\#(array("{" + (0..<17).map { "\"\($0)\":0" }.reversed().joined(separator: ",") + "}"))}"#
            ),
            (
                "objects of 16 long",
                #"{"x":\#(array("{" + (0..<16).map { "\"\(Self.repeated("a", 300))\($0 + 10)\":0" }.joined(separator: ",") + "}"))}"#
            ),
            ("deep", #"{"x":\#(array(Self.repeated("[", 90) + Self.repeated("]", 90)))}"#),
            ("deep objects", #"{"x":\#(array(Self.repeated(#"{"a":"#, 90) + "1" + Self.repeated("}", 90)))}"#),
            ("two bytes a scalar", #"{"x":"\#(Self.repeated("é", Self.mebibyte / 2))"}"#),
            ("four bytes a scalar", #"{"x":"\#(Self.repeated("😀", Self.mebibyte / 4))"}"#),
        ]
        return documents.flatMap { name, document -> [Attack] in
            let bytes = Array(document.utf8)
            var attacks = [Attack(name: "read: \(name)") { _ = try? JSON(parsing: bytes) }]
            if let json = try? JSON(parsing: bytes) {
                attacks.append(Attack(name: "canonical: \(name)") { _ = json.root.canonical() })
                attacks.append(Attack(name: "text: \(name)") { _ = JSONTree.value(json.root).text })
            }
            for (kind, tools) in [("open", #"{"t":{}}"#), ("closed", #"{"t":{"x":{"constraint_type":"wildcard"}}}"#)] {
                if let run = calling(tools, document) {
                    attacks.append(Attack(name: "call, \(kind): \(name)", run: run))
                }
                if let run = calling(tools, document, isRecording: true) {
                    attacks.append(Attack(name: "recorded, \(kind): \(name)", run: run))
                }
                if let run = calling(tools, document, isForged: true, isRecording: true) {
                    attacks.append(Attack(name: "forged and recorded, \(kind): \(name)", run: run))
                }
                if let run = calling(tools, document, isForged: true) {
                    attacks.append(Attack(name: "forged, \(kind): \(name)", run: run))
                }
            }
            return attacks
        }
    }

    /// Whole chains.
    private func deciding() -> [Attack] {
        let constraint = Self.nested((0..<120).map { Self.glob("*" + Self.repeated("?*b", 60) + "\($0)*") }, "any")
        let wide = (0..<60).map { #""x\#($0)":\#(Self.set("one_of", "values", Self.quoted(90) { "v\($0)" }))"# }
        let tools = (0..<250).map { #""t\#($0)":{"x":{"constraint_type":"wildcard"}}"# }
        let hidden = Self.set("one_of", "values", [Self.text(Self.repeated(Self.hidden, 1300))])
        let chains: [(String, [String])] = [
            ("globs twice", [#"{"t":{}}"#] + [String](repeating: #"{"t":{"x":\#(constraint)}}"#, count: 4)),
            (
                "sets, link by link",
                [#"{"t":{}}"#] + [String](repeating: "{\"t\":{\(wide.prefix(20).joined(separator: ","))}}", count: 16)
            ),
            ("tools, link by link", [String](repeating: "{\(tools.joined(separator: ","))}", count: 16)),
            ("hidden", [#"{"t":{}}"#, #"{"t":{"x":\#(Self.nested([String](repeating: hidden, count: 10)))}}"#]),
        ]
        return chains.flatMap { name, tools -> [Attack] in
            let chain = chain(tools)
            guard let guardian = guardian() else { return [] }
            return [
                Attack(name: "admit: \(name)") { _ = try? guardian.admit(chain: chain) },
                Attack(name: "decode: \(name)") { _ = (try? ChainDecoder.decode(chain))?.text },
            ]
        }
    }
}
