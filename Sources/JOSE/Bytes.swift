internal import Glibc

extension Span where Element == UInt8 {
    /// Whether both hold the same bytes. Not for secrets: it stops at the first difference.
    public func hasSameBytes(as other: borrowing Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        return unsafe withUnsafeBufferPointer { own in
            unsafe other.withUnsafeBufferPointer { other in
                guard let a = own.baseAddress, let b = other.baseAddress else { return true }
                return unsafe memcmp(a, b, own.count) == 0
            }
        }
    }
}
