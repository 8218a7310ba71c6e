internal import StrictJSON

/// How often a guard denied, by reason; bounded, whatever the reasons are called.
struct DenialCounters: Sendable {
    private var counts: [ExactText: Int] = [:]

    /// Several times as many as there are reasons.
    private static let most = 256
    private static let longest = 64
    /// What is counted under no name of its own.
    private static let other: ExactText = "other"

    mutating func add(_ reason: Reason) {
        let name = reason.rawValue.exact
        if counts[name] == nil, counts.count >= Self.most || name.utf8.count > Self.longest {
            counts[Self.other, default: 0] += 1
        } else {
            counts[name, default: 0] += 1
        }
    }

    var tree: JSONTree { .members(counts.sorted { $0.key < $1.key }.map { ($0.key.string, .int($0.value)) }) }
}
