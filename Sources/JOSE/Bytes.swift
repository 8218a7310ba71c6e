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

extension String {
    /// Calls `body` with the text's UTF-8.
    ///
    /// In place of `utf8Span`, whose span of a text of up to 15 bytes points to a stack slot that optimised code of
    /// Swift 6.3.1 reuses while the span is still read.
    package func withUTF8Span<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        var copy = self
        return copy.withUTF8 { unsafe body(Span(_unsafeElements: $0)) }
    }
}
