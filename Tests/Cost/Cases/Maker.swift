internal import StrictJSON

/// Reads a few hundred bytes as an input of up to a megabyte: repetition is what makes a small change of the bytes a large
/// one of the work.
///
/// What does not fit is made and thrown away, in lists in lists: `work` bounds that, and what is made after it is short.
package struct Maker {
    private let bytes: [UInt8]
    private var position = 0
    /// How many more bytes may be read, and pieces of 64 bytes be written.
    private var work = 1_000_000
    /// Which element of a list is being made: lists are made by reading the same bytes once for each.
    private var index = 0

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package mutating func byte() -> Int {
        work -= 1
        guard work > 0, position < bytes.count else { return 0 }
        position += 1
        return Int(bytes[position - 1])
    }

    private mutating func choose<Element>(_ elements: [Element]) -> Element { elements[byte() % elements.count] }

    /// Makes `count` elements out of the same bytes, each with its own index, until `body` says that there is no room.
    private mutating func list(_ count: Int, _ body: (inout Maker, Int) -> Bool) {
        let (start, outer) = (position, index)
        var furthest = start
        for i in 0..<count {
            (position, index) = (start, i)
            let goesOn = body(&self, i)
            furthest = max(furthest, position)
            if !goesOn || work <= 0 { break }
        }
        (position, index) = (furthest, outer)
    }

    // MARK: Texts

    private static let pieces = [
        "a", "b", "/", "*", "**", "?", ".", "..", "*a", "a*", "?*", "/*", "/**", "é", "😀", "0", "1", "9", "-", "\u{1}",
        "\u{0}", "\\", "\"", "ab", "*/..", "K",
    ]

    private func number(_ choice: Int) -> String {
        switch choice % 3 {
        case 0: String(index, radix: 16)
        case 1: String(String(index, radix: 2).reversed())
        default: String(1_000_000 + index)
        }
    }

    /// A text of at most `longest` bytes.
    package mutating func text(_ longest: Int) -> String {
        var text = ""
        for _ in 0..<1 + byte() % 6 {
            let choice = byte()
            let piece = choice < 208 ? Self.pieces[choice % Self.pieces.count] : number(choice)
            let times = choose([1, 1, 1, 2, 3, 8, 16, 60, 126, 250, 4000, 1 << 20])
            let room = max(longest - text.utf8.count, 0) / max(piece.utf8.count, 1)
            let count = work > 0 ? min(times, room) : min(1, room)
            text += String(repeating: piece, count: count)
            work -= piece.utf8.count * count / 64
        }
        return text
    }

    private static func quoted(_ text: String) -> String { JSONTree.string(text).text }

    // MARK: Values

    /// A value in JSON of about `room` bytes at most.
    package mutating func value(_ room: Int, depth: Int = 0) -> String {
        switch byte() % (depth < 90 ? 12 : 6) {
        case 0: return choose(["null", "true", "false", "0", "-0", "1", "1e0"])
        case 1: return "\(index)"
        case 2:
            let number = choose([
                "9e99", "1e22", "5e-324", "1.7976931348623157e308", "0.1", "2.2250738585072011e-308",
                "8.7", "0.30000000000000004", "1e-7", "123456789.123",
            ])
            return byte() % 2 == 0 ? number : String(number.prefix(1)) + "." + "\(index)" + "e-\(index % 300)"
        case 3:
            let digits = String(
                repeating: choose(["1", "9", "0", "3"]), count: choose([1, 17, 20, 40, 400, 800, 4000]))
            return "0." + digits.prefix(max(room - 2, 1)) + (byte() % 2 == 0 ? "1" : "\(index)")
        case 4: return Self.quoted(text(min(room, choose([8, 64, 255, 4000, 1 << 20]))))
        case 5: return escaped(room)
        case 6, 7: return array(room, depth: depth)
        case 8, 9: return object(room, depth: depth)
        default:
            let levels = min(choose([1, 4, 30, 90]), 92 - depth)
            let open = byte() % 2 == 0 ? ("[", "]") : ("{\"a\":", "}")
            let inner = value(max(room - levels * 6, 1), depth: depth + levels)
            return String(repeating: open.0, count: levels) + inner + String(repeating: open.1, count: levels)
        }
    }

    private mutating func escaped(_ room: Int) -> String {
        let escape = choose(["\\u0061", "\\n", "\\ud83d\\ude00", "\\\"", "\\u0000"])
        let count = min(choose([1, 10, 600, 1 << 18]), max(room / escape.utf8.count, 1))
        work -= escape.utf8.count * count / 64
        return "\"" + String(repeating: escape, count: count) + "\""
    }

    private mutating func array(_ room: Int, depth: Int) -> String {
        var text = "["
        list(choose([0, 1, 2, 8, 17, 64, 1024, 1 << 20])) { maker, i in
            let element = maker.value(room - text.utf8.count, depth: depth + 1)
            guard text.utf8.count + element.utf8.count + 2 < room || i == 0 else { return false }
            text += (i == 0 ? "" : ",") + element
            return text.utf8.count + 3 < room
        }
        return text + "]"
    }

    private mutating func object(_ room: Int, depth: Int) -> String {
        var text = "{"
        let (longest, isReversed) = (choose([1, 4, 12, 40, 255, 4000]), byte() % 2 == 0)
        let count = choose([0, 1, 2, 8, 16, 17, 64, 1024, 1 << 20])
        list(count) { maker, i in
            let number = isReversed ? "\((1 << 20) - i)" : "\(i)"
            let name = Self.quoted(maker.text(longest) + number)
            let value = maker.value(room - text.utf8.count - name.utf8.count, depth: depth + 1)
            guard text.utf8.count + name.utf8.count + value.utf8.count + 3 < room || i == 0 else { return false }
            text += (i == 0 ? "" : ",") + name + ":" + value
            return text.utf8.count + 7 < room
        }
        return text + "}"
    }

    // MARK: Constraints

    private mutating func values(_ room: Int) -> String {
        var text = "["
        let longest = choose([4, 16, 100, 1000, 4000])
        list(choose([1, 2, 8, 9, 64, 1024])) { maker, i in
            let element = maker.value(min(longest, room - text.utf8.count), depth: 60)
            guard text.utf8.count + element.utf8.count + 2 < room || i == 0 else { return false }
            text += (i == 0 ? "" : ",") + element
            return text.utf8.count + 3 < room
        }
        return text + "]"
    }

    private mutating func texts(_ room: Int, _ element: (inout Maker) -> String) -> String {
        var text = "["
        list(choose([1, 2, 64, 1024])) { maker, i in
            let next = Self.quoted(element(&maker))
            guard text.utf8.count + next.utf8.count + 2 < room || i == 0 else { return false }
            text += (i == 0 ? "" : ",") + next
            return true
        }
        return text + "]"
    }

    private mutating func network() -> String {
        let (i, prefix) = (index, choose([0, 1, 2, 10, 16, 20, 24, 32]))
        if byte() % 4 == 0 { return "2001:db8:\(String(i & 0xFFFF, radix: 16))::/48" }
        let bits = prefix == 0 ? 0 : UInt32(truncatingIfNeeded: i) << UInt32(32 - prefix)
        return "\(bits >> 24).\(bits >> 16 & 255).\(bits >> 8 & 255).\(bits & 255)/\(prefix)"
    }

    private mutating func host() -> String {
        let i = index
        switch byte() % 5 {
        case 0: return "*.h\(i).example"
        case 1: return "10.\(i >> 16 & 255).\(i >> 8 & 255).\(i & 255)"
        case 2: return "[2001:db8::\(String(i & 0xFFFF, radix: 16))]"
        case 3: return String(repeating: "a.", count: 120) + "h\(i)"
        default: return "h\(i).example"
        }
    }

    /// A constraint as tokens carry it, of about `room` bytes at most.
    package mutating func constraint(_ room: Int, depth: Int = 1) -> String {
        func typed(_ type: String, _ members: String) -> String { #"{"constraint_type":"\#(type)",\#(members)}"# }
        let inside = max(room - 60, 1)
        switch byte() % (depth < 32 && room > 200 ? 20 : 11) {
        case 0: return typed("exact", #""value":"# + Self.quoted(text(min(inside, 4000))))
        case 1: return typed("range", #""max":\#(index),"min":0"#)
        case 2: return typed("one_of", #""values":"# + values(inside))
        case 3: return typed("not_one_of", #""excluded":"# + values(inside))
        case 4: return typed("contains", #""required":"# + values(inside))
        case 5: return typed("subset", #""allowed":"# + values(inside))
        case 6: return typed("path_containment", #""root":"# + Self.quoted("/" + text(min(inside, 4000))))
        case 7, 8: return typed("glob", #""pattern":"# + Self.quoted(text(min(inside, 255))))
        case 9:
            return typed(
                "uri", #""hosts":\#(texts(inside) { $0.host() }),"path":"/a","ports":[443,80,8080]"#)
        case 10: return typed("cidr", #""networks":"# + texts(inside) { $0.network() })
        case 11:
            return typed("decimal_range", #""min":"0.\#(String(repeating: "1", count: choose([1, 200])))\#(index)""#)
        case 12, 13: return typed("each", #""constraint":\#(constraint(inside, depth: depth + 1))"#)
        case 14, 15:
            let longest = choose([1, 12, 255, 4000])
            var (members, optional) = ("", "")
            list(choose([1, 2, 16, 64])) { maker, i in
                let name = Self.quoted(maker.text(longest) + "\(i)")
                let next = name + ":" + maker.constraint(inside - members.utf8.count, depth: depth + 1)
                let isOptional = maker.byte() % 2 == 0
                guard
                    members.utf8.count + optional.utf8.count + next.utf8.count + name.utf8.count + 3 < inside || i == 0
                else { return false }
                members += (i == 0 ? "" : ",") + next
                if isOptional { optional += (optional.isEmpty ? "" : ",") + name }
                return true
            }
            return typed(
                "members",
                #""members":{\#(members)},"optional_members":[\#(optional)],"others":\#(choose(["true", "false"]))"#)
        default:
            var clauses = ""
            list(choose([1, 2, 8, 16, 60, 64])) { maker, i in
                let next = maker.constraint(inside - clauses.utf8.count, depth: depth + 1)
                guard clauses.utf8.count + next.utf8.count + 2 < inside || i == 0 else { return false }
                clauses += (i == 0 ? "" : ",") + next
                return true
            }
            return typed(byte() % 4 == 0 ? "any" : "all", #""constraints":[\#(clauses)]"#)
        }
    }

    /// A scope's `tools`, of about `room` bytes at most, whose first tool is `t` with an argument `x`.
    package mutating func tools(_ room: Int) -> String {
        let arguments = choose([1, 1, 1, 2, 16, 64])
        let tools = choose([1, 1, 1, 2, 64, 256])
        var text = "{"
        list(tools) { maker, i in
            var tool = ""
            maker.list(arguments) { maker, j in
                let next =
                    #""x\#(j == 0 ? "" : "\(j)")":"#
                    + maker.constraint((room - text.utf8.count) / 2 - tool.utf8.count)
                guard text.utf8.count + tool.utf8.count + next.utf8.count + 20 < room || j == 0 else { return false }
                let isOptional = maker.byte() % 4 == 0
                tool += (j == 0 ? "" : ",") + (isOptional ? next.dropLast() + #","optional":true}"# : next[...])
                return true
            }
            if maker.byte() % 4 == 0 { tool += #","*":{"constraint_type":"wildcard"}"# }
            let next = #""t\#(i == 0 ? "" : "\(i)")":{\#(tool)}"#
            guard text.utf8.count + next.utf8.count + 4 < room || i == 0 else { return false }
            text += (i == 0 ? "" : ",") + next
            return true
        }
        return text + "}"
    }
}
