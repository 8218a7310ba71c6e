internal import Glibc

/// The members of an entry that a replay asks for.
enum EntryMember: Int, CaseIterable {
    case agent, approval, arguments, chain, count, decision, event, id, issuer
    case kind, labels, outcome, principal, profile, reason, rule, time, tool

    fileprivate var name: StaticString {
        switch self {
        case .agent: "agent"
        case .approval: "approval"
        case .arguments: "arguments"
        case .chain: "chain"
        case .count: "count"
        case .decision: "decision"
        case .event: "event"
        case .id: "id"
        case .issuer: "issuer"
        case .kind: "kind"
        case .labels: "labels"
        case .outcome: "outcome"
        case .principal: "principal"
        case .profile: "profile"
        case .reason: "reason"
        case .rule: "rule"
        case .time: "time_ms"
        case .tool: "tool"
        }
    }
}

/// Where the members of an entry stand in its bytes: there are millions of entries, and most of what one says was said by
/// the one before.
struct EntryMembers: Sendable {
    /// Start and end of each member's value; both 0 where it is not there.
    private var places = InlineArray<18, SIMD2<UInt32>>(repeating: SIMD2(0, 0))

    /// The bytes of a member's value, as JSON; `nil` where the entry does not have it.
    subscript(member: EntryMember) -> Range<Int>? {
        let place = places[member.rawValue]
        return place.y == 0 ? nil : Int(place.x)..<Int(place.y)
    }

    /// Reads an object in canonical form, as entries are; `nil` for anything else.
    ///
    /// - Parameter range: of the object.
    init?(_ bytes: Span<UInt8>, _ range: Range<Int>, _ names: EntryNames) {
        guard range.upperBound <= bytes.count, range.upperBound <= UInt32.max, !range.isEmpty else { return nil }
        let isRead = unsafe bytes.extracting(range).withUnsafeBufferPointer {
            unsafe scan(UnsafeRawBufferPointer($0), at: UInt32(range.lowerBound), names)
        }
        guard isRead else { return nil }
    }

    private mutating func scan(_ bytes: UnsafeRawBufferPointer, at base: UInt32, _ names: EntryNames) -> Bool {
        let count = bytes.count
        guard count > 2, unsafe bytes[0] == UInt8(ascii: "{") else { return false }
        var position = 1
        while true {
            guard position < count, unsafe bytes[position] == Self.quote,
                let end = unsafe Self.endOfText(bytes, from: position + 1),
                end + 2 < count, unsafe bytes[end + 1] == UInt8(ascii: ":"),
                let next = unsafe Self.endOfValue(bytes, from: end + 2), next < count
            else { return false }
            if let member = unsafe names.member(UnsafeRawBufferPointer(rebasing: bytes[position + 1..<end])) {
                places[member.rawValue] = SIMD2(base + UInt32(end + 2), base + UInt32(next))
            }
            switch unsafe bytes[next] {
            case UInt8(ascii: ","): position = next + 1
            case UInt8(ascii: "}") where next == count - 1: return true
            default: return false
            }
        }
    }

    private static let quote = UInt8(ascii: "\"")

    /// The closing quote of a text.
    private static func endOfText(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        guard let base = bytes.baseAddress else { return nil }
        var position = start
        while position < bytes.count,
            let found = unsafe memchr(base + position, Int32(quote), bytes.count - position)
        {
            let end = unsafe UnsafeRawPointer(found) - base
            var first = end
            while first > start, unsafe bytes[first - 1] == UInt8(ascii: "\\") { first -= 1 }
            if (end - first) & 1 == 0 { return end }
            position = end + 1
        }
        return nil
    }

    /// The first byte after a value.
    private static func endOfValue(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var (position, depth) = (start, 0)
        while position < bytes.count {
            switch unsafe bytes[position] {
            case quote:
                guard let end = unsafe endOfText(bytes, from: position + 1) else { return nil }
                position = end + 1
                if depth == 0 { return position }
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                position += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 0 { return position > start ? position : nil }
                depth -= 1
                position += 1
                if depth == 0 { return position }
            case UInt8(ascii: ","):
                if depth == 0 { return position > start ? position : nil }
                position += 1
            default: position += 1
            }
        }
        return nil
    }
}

/// The names of members, told apart by their length, their first eight bytes and their last: none has more than nine.
struct EntryNames: Sendable {
    private var known: [(word: UInt64, last: UInt8, count: Int, member: EntryMember)] = []

    init() {
        for member in EntryMember.allCases {
            let name = unsafe UnsafeRawBufferPointer(
                start: member.name.utf8Start, count: member.name.utf8CodeUnitCount)
            known.append((unsafe Self.word(name), unsafe name[name.count - 1], name.count, member))
        }
    }

    func member(_ name: UnsafeRawBufferPointer) -> EntryMember? {
        guard (2...9).contains(name.count) else { return nil }
        let (word, last) = (unsafe Self.word(name), unsafe name[name.count - 1])
        for i in known.indices where known[i].word == word && known[i].last == last && known[i].count == name.count {
            return known[i].member
        }
        return nil
    }

    private static func word(_ name: UnsafeRawBufferPointer) -> UInt64 {
        var word: UInt64 = 0
        for i in 0..<min(name.count, 8) { word |= UInt64(unsafe name[i]) << UInt64(8 * i) }
        return word
    }
}
