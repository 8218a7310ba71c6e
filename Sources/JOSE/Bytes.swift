extension Span where Element == UInt8 {
    /// Whether both hold the same bytes. Not for secrets: it stops at the first difference.
    public func hasSameBytes(as other: borrowing Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        for i in indices where self[i] != other[i] { return false }
        return true
    }
}
