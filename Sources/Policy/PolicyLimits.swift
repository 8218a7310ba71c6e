package import StrictJSON

/// The limits of a policy's size.
package enum PolicyLimits {
    /// The document, in bytes.
    package static let document = JSON.Limits(bytes: 1 << 18, depth: 96, values: 1 << 16)
    package static let rules = 1000
    /// Limits that one grant states, and all grants of a chain together.
    package static let (limits, limitsOfChain) = (8, 24)
    /// Bytes of the `match` of a grant's limit: who hands on is anybody.
    static let limitText = 1024
    /// The shortest time of a grant's budget, in milliseconds: the registry keeps each.
    static let limitPeriod: Int64 = 3_600_000
    /// The most that a policy's version is above that of the one before: one that is mistyped uses up no others.
    package static let step: Int64 = 100_000_000
    /// One bit each in a word.
    package static let labels = 64
    /// Bytes of a rule's ID, a label, a unit.
    package static let name = 64
    /// Bytes of the text of a `match`, of hours, of an approver.
    static let text = 4096
    /// Label expressions in one list.
    static let expressions = 32
    static let approvers = 16
    /// Types of results in one document, and texts that one may be.
    static let (results, choices) = (64, 256)
    /// Keys of approvers in one document.
    static let approverKeys = 256
    /// Bytes of an approver's name.
    static let approver = 512
    package static let calls: Int64 = 500_000
    /// A year and a day, in milliseconds.
    package static let longest: Int64 = 366 * 86_400_000
    /// The time that labels, and a budget without a period, stay after the last call, in milliseconds: an agent may be parked
    /// for 30 days.
    package static let kept: Int64 = 31 * 86_400_000
    /// Digits after the point of an amount.
    package static let scale = 9
}
