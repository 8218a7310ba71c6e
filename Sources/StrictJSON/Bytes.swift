internal import Glibc

extension Span where Element == UInt8 {
    /// Whether both hold the same bytes. Not for secrets: it stops at the first difference.
    public func hasSameBytes(as other: borrowing Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        return unsafe withUnsafeBufferPointer { own in
            unsafe other.withUnsafeBufferPointer { other in
                guard let a = own.baseAddress, let b = other.baseAddress else { return true }
                return unsafe a == b || memcmp(a, b, own.count) == 0
            }
        }
    }

    /// Whether this comes before `other` in the order of bytes; what starts as the other does and ends sooner comes first.
    public func isBefore(_ other: borrowing Span<UInt8>) -> Bool {
        let (length, theirs) = (count, other.count)
        return unsafe withUnsafeBufferPointer { own in
            unsafe other.withUnsafeBufferPointer { other in
                guard let a = own.baseAddress, let b = other.baseAddress else { return length < theirs }
                let order = unsafe memcmp(a, b, min(length, theirs))
                return order == 0 ? length < theirs : order < 0
            }
        }
    }
}

extension Span where Element == UInt8 {
    /// The index of the first `byte` at or after `start`.
    public func firstIndex(of byte: UInt8, from start: Int = 0) -> Int? {
        guard start >= 0, start < count else { return nil }
        return unsafe withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress,
                let found = unsafe memchr(base + start, Int32(byte), bytes.count - start)
            else { return nil }
            return unsafe UnsafeRawPointer(base).distance(to: UnsafeRawPointer(found))
        }
    }

    /// Whether this starts with the bytes of `other`.
    public func starts(with other: borrowing Span<UInt8>) -> Bool {
        count >= other.count && extracting(0..<other.count).hasSameBytes(as: other)
    }
}

extension String {
    /// Whether both are the same bytes; `==` would take canonically equivalent texts for the same.
    package func isSame(as other: String) -> Bool {
        withUTF8Span { own in other.withUTF8Span { own.hasSameBytes(as: $0) } }
    }

    /// Whether this comes before `other` in the order of their bytes.
    package func isBefore(_ other: String) -> Bool {
        withUTF8Span { own in other.withUTF8Span { own.isBefore($0) } }
    }

    /// Calls `body` with the text's UTF-8.
    ///
    /// In place of `utf8Span`, whose span of a text of up to 15 bytes points to a stack slot that optimised code of
    /// Swift 6.3.1 reuses while the span is still read.
    package func withUTF8Span<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        // Every native text is contiguous. Copying it first would cost two reference counts.
        if let result = unsafe utf8.withContiguousStorageIfAvailable({ unsafe body(Span(_unsafeElements: $0)) }) {
            return result
        }
        var copy = self
        return copy.withUTF8 { unsafe body(Span(_unsafeElements: $0)) }
    }
}
