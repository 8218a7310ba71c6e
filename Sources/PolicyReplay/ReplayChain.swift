internal import StrictJSON

/// One chain as its entries show it, with the calls under it that were seen. They know its context and not it: a chain that is
/// forgotten is gone when the last of its calls was answered.
final class ReplayChain {
    private let context: ReplayContext
    /// The bytes of the members that it was made of.
    private let key: [UInt8]
    private var calls: [(hash: UInt64, call: ReplayCall)] = []
    private static let mostCalls = 256
    private static let parts: [EntryMember] = [.chain, .issuer, .principal, .profile]

    /// `nil` where the entry names no chain that can be read.
    init?(_ entry: EntryMembers, _ bytes: Span<UInt8>) {
        guard let context = ReplayContext(entry, bytes) else { return nil }
        self.context = context
        key = Self.key(of: entry, bytes)
    }

    static func hash(_ entry: EntryMembers, _ bytes: Span<UInt8>) -> UInt64 {
        var hash: UInt64 = 0
        for part in parts { hash = bytes.hash(entry[part], seed: hash) }
        return hash
    }

    /// Whether an entry is of a call under this very chain.
    func isOf(_ entry: EntryMembers, _ bytes: Span<UInt8>) -> Bool {
        var position = 0
        for part in Self.parts {
            guard let range = entry[part] else {
                guard position < key.count, key[position] == 0 else { return false }
                position += 1
                continue
            }
            guard key.count - position > range.count,
                Self.isSame(key, from: position, as: bytes.extracting(range)),
                key[position + range.count] == 1
            else { return false }
            position += range.count + 1
        }
        return position == key.count
    }

    private static func isSame(_ key: [UInt8], from start: Int, as part: Span<UInt8>) -> Bool {
        let own = key.span
        return own.extracting(start..<start + part.count).hasSameBytes(as: part)
    }

    /// No byte of an entry is 0 or 1.
    private static func key(of entry: EntryMembers, _ bytes: Span<UInt8>) -> [UInt8] {
        var key: [UInt8] = []
        for part in parts {
            if let range = entry[part] { key += bytes.bytes(range) + [1] } else { key.append(0) }
        }
        return key
    }

    /// The calls of a tool under this chain, with arguments of these names.
    func call(of tool: Range<Int>, _ arguments: Range<Int>?, _ bytes: Span<UInt8>) -> ReplayCall {
        let hash = bytes.hash(arguments, seed: bytes.hash(tool, seed: 0))
        for known in calls where known.hash == hash {
            if Self.isSame(known.call.text, as: tool, arguments, bytes) { return known.call }
        }
        let call = ReplayCall(of: tool, arguments, bytes, under: context)
        // More have only those that ask for what is not there.
        if calls.count >= Self.mostCalls { calls = [] }
        calls.append((hash, call))
        return call
    }

    private static func isSame(
        _ text: [UInt8], as tool: Range<Int>, _ arguments: Range<Int>?, _ bytes: Span<UInt8>
    ) -> Bool {
        guard text.count == tool.count + (arguments?.count ?? 0), isSame(text, from: 0, as: bytes.extracting(tool))
        else { return false }
        return arguments.map { isSame(text, from: tool.count, as: bytes.extracting($0)) } ?? true
    }
}
