import AgentID
import Scopes
import StrictJSON

/// Tools sorted by what the words of their names say they do; what they do not say counts as the worst.
struct ToolsByName {
    private(set) var untrusted: [String] = []
    private(set) var confidential: [String] = []
    private(set) var outward: [String] = []
    /// In each list, as their names do not tell.
    private(set) var unclear: [String] = []
    /// In each list, as their names tell.
    private(set) var both: [String] = []

    init(_ names: [String]) {
        for name in names.exact.inByteOrder() {
            let meaning = ToolMeaning(ToolWords(name))
            if meaning.isUnclear { unclear.append(name) } else if meaning.isAll { both.append(name) }
            if meaning.isUntrusted { untrusted.append(name) }
            if meaning.isPrivate { confidential.append(name) }
            if meaning.isOutward { outward.append(name) }
        }
    }

    /// The document. Lists that are given stand in place of those found; an empty list has no rule.
    func policy(untrusted: String?, private: String?, outward: String?) -> JSONTree {
        let match = { (given: String?, found: [String]) in given ?? found.map(Self.spelled).joined(separator: "; ") }
        let rules: [(id: String, match: String, labels: JSONTree)] = [
            ("untrusted", match(untrusted, self.untrusted), ["adds": ["untrusted"]]),
            ("private", match(`private`, confidential), ["adds": ["private"]]),
            ("no-exfiltration", match(outward, self.outward), ["refuses": ["untrusted & private"]]),
        ]
        return [
            "version": 1, "mode": "enforce", "labels": ["untrusted", "private"],
            "rules": .array(
                rules.filter { !$0.match.isEmpty }.map {
                    ["id": .string($0.id), "match": .string($0.match), "labels": $0.labels]
                }),
        ]
    }

    /// A name as a match has it: in quotes where it needs them.
    private static func spelled(_ name: String) -> String {
        let isPlain = name.utf8.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || "_-./".utf8.contains(byte)
        }
        return isPlain ? name : JSONTree.string(name).text
    }
}
