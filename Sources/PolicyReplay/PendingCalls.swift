/// Permitted calls of which the end may still be told: the last of them.
struct PendingCalls {
    struct Name: Hashable {
        let process: UInt32
        let number: UInt64
    }
    typealias Kept = (call: ReplayCall, budgets: [(meter: ReplayMeter, amount: Int64, refunds: Bool)])

    private var calls: [Name: Kept] = [:]
    private var order: [Name] = []
    private var oldest = 0
    private static let most = 1 << 18

    mutating func keep(
        _ record: ReplayRecord, _ call: ReplayCall, _ budgets: [(meter: ReplayMeter, amount: Int64, refunds: Bool)]
    ) {
        let name = Name(process: record.process, number: record.number)
        calls[name] = (call, budgets)
        if order.count < Self.most {
            order.append(name)
        } else {
            calls[order[oldest]] = nil
            order[oldest] = name
            oldest = (oldest + 1) % Self.most
        }
    }

    mutating func take(_ record: ReplayRecord) -> Kept? {
        calls.removeValue(forKey: Name(process: record.process, number: record.number))
    }
}
