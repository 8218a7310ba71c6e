internal import StrictJSON

/// The number of denials by reason; bounded, whatever names the reasons have.
struct DenialCounters: Sendable {
    private var counts: [ExactText: Int] = [:]

    /// Several times the number of reasons.
    private static let most = 256
    private static let longest = 64
    /// The count of all reasons beyond the limit.
    private static let other: ExactText = "other"

    mutating func add(_ reason: Reason) {
        let name = reason.rawValue.exact
        if counts[name] == nil, counts.count >= Self.most || name.utf8.count > Self.longest {
            counts[Self.other, default: 0] += 1
        } else {
            counts[name, default: 0] += 1
        }
    }

    var tree: JSONTree { .members(counts.inOrder { $0.key < $1.key }.map { ($0.key.string, .int($0.value)) }) }
}
