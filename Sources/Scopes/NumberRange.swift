internal import StrictJSON

/// The `range` constraint (AAT section 3.4): a number between bounds, each optional, each inclusive or not.
struct NumberRange: Sendable, Equatable {
    var min: Double?
    var max: Double?
    var minInclusive = true
    var maxInclusive = true

    func contains(_ value: Double) -> Bool {
        if let min, minInclusive ? value < min : value <= min { return false }
        if let max, maxInclusive ? value > max : value >= max { return false }
        return true
    }

    /// Whether every bound of `child` is at least as tight (AAT section 4.5, range).
    func subsumes(_ child: NumberRange) -> Bool {
        if let min {
            guard let low = child.min, low > min || low == min && (minInclusive || !child.minInclusive) else {
                return false
            }
        }
        if let max {
            guard let high = child.max, high < max || high == max && (maxInclusive || !child.maxInclusive) else {
                return false
            }
        }
        return true
    }

    /// The intersection; `nil` if it is empty.
    func meet(_ other: NumberRange) -> NumberRange? {
        var result = self
        if let low = other.min, result.min.map({ low > $0 }) ?? true {
            (result.min, result.minInclusive) = (low, other.minInclusive)
        } else if other.min == result.min, other.min != nil {
            result.minInclusive = result.minInclusive && other.minInclusive
        }
        if let high = other.max, result.max.map({ high < $0 }) ?? true {
            (result.max, result.maxInclusive) = (high, other.maxInclusive)
        } else if other.max == result.max, other.max != nil {
            result.maxInclusive = result.maxInclusive && other.maxInclusive
        }
        if let low = result.min, let high = result.max {
            guard low < high || low == high && result.minInclusive && result.maxInclusive else { return nil }
        }
        return result
    }
}
