// Not built: what scripts/lint-text --self-test reads. It must find each line that ends in "found", and no other.

struct Label: Hashable { var name: String }  // found

enum Own: String { case revoked, expired }

enum Unlucky: String { case kid = "K" }  // found

struct Table {
    var rows: [String: Int] = [:]
    var seen: Set<String> = []
    let known: Set<String> = ["K"]  // found
    let units: [String: Int] = ["K": 1]  // found

    func row(_ name: String) -> Int? { rows[name] }  // found
    mutating func note(_ name: String) { seen.insert(name) }  // found
}

func equal(_ one: String, _ other: String) -> Bool { one == other }  // found
func unequal(_ one: String, _ other: String) -> Bool { one != other }  // found
func precedes(_ one: String, _ other: String) -> Bool { one < other }  // found
func optional(_ one: String?, _ other: String?) -> Bool { one == other }  // found
func lists(_ one: [String], _ other: [String]) -> Bool { one == other }  // found
func tuples(_ one: (String, Int), _ other: (String, Int)) -> Bool { one == other }  // found
func parts(_ one: Substring, _ other: Substring) -> Bool { one == other }  // found
func mixed(_ one: Substring, _ other: String) -> Bool { one == other }  // found
func letter(_ one: Character, _ other: Character) -> Bool { one == other }  // found
func first(_ text: String) -> Bool { text.first == "/" }  // found

func kelvin(_ text: String) -> Bool {
    switch text {  // found
    case "K": true
    case "k": false
    default: false
    }
}

func listed(_ name: String, in names: [String]) -> Bool { names.contains(name) }  // found
func position(of name: String, in names: [String]) -> Int? { names.firstIndex(of: name) }  // found
func begins(_ text: String, with start: String) -> Bool { text.hasPrefix(start) }  // found
func ends(_ text: Substring) -> Bool { text.hasSuffix(".json") }  // found
func ordered(_ names: [String]) -> [String] { names.sorted() }  // found
func by(_ names: [String]) -> [String] { names.sorted(by: <) }  // found
func last(_ names: [String]) -> String? { names.max() }  // found
func cut(_ text: String) -> [Substring] { text.split(separator: "/") }  // found
func small(_ text: String) -> String { text.lowercased() }  // found
func hashed(_ text: String) -> Int { text.hashValue }  // found
func hash(_ text: String, into hasher: inout Hasher) { hasher.combine(text) }  // found
func erased(_ text: String) -> AnyHashable { AnyHashable(text) }  // found
func same(_ one: String, _ other: String) -> Bool { one.elementsEqual(other) }  // found
func generic<Name: Equatable>(_ one: Name, _ other: Name) -> Bool { one == other }
func specific(_ one: String, _ other: String) -> Bool { generic(one, other) }  // found
func passed(_ names: [String], _ name: String) -> Bool { names.contains { $0 == name } }  // found
func operation() -> (String, String) -> Bool { (==) }  // found

// What compares bytes, numbers and names that nothing else is canonically equivalent to.
func bytes(_ one: String, _ other: String) -> Bool { one.utf8.elementsEqual(other.utf8) }
func scalars(_ one: String, _ other: String) -> Bool { one.unicodeScalars.elementsEqual(other.unicodeScalars) }
func slash(_ text: String) -> [Substring.UTF8View] { text.utf8.split(separator: 0x2F).map { $0 } }
func number(_ text: String) -> Int? { Int(text) }
func literal(_ text: String) -> Bool { text == "revoked" || text != "" }
func own(_ text: String) -> Own? { Own(rawValue: text) }
func maybe(_ text: String?) -> Bool { text == nil || text == "-" }
func joined(_ names: [String]) -> String { names.joined(separator: ", ") }
func empty(_ text: String) -> Bool { text.isEmpty }
