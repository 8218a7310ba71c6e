internal import AgentID
internal import StrictJSON

/// Values of an entry's members, from their bytes.
extension Span<UInt8> {
    /// A text; `nil` for any other value.
    func text(_ range: Range<Int>?) -> String? {
        guard let range, let value = value(range) else { return nil }
        return value.string
    }

    func value(_ range: Range<Int>) -> JSON.Value? {
        guard range.upperBound <= count else { return nil }
        return try? JSON(parsing: bytes(range)).root
    }

    func bytes(_ range: Range<Int>) -> [UInt8] {
        unsafe extracting(range).withUnsafeBufferPointer { unsafe Array($0) }
    }

    /// A whole number without sign.
    func number(_ range: Range<Int>?) -> Int64? {
        guard let range, !range.isEmpty, range.count <= 18 else { return nil }
        var number: Int64 = 0
        for i in range {
            let digit = self[i] &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            number = number * 10 + Int64(digit)
        }
        return number
    }

    /// Whether a value is this text.
    func says(_ text: StaticString, _ range: Range<Int>?) -> Bool {
        guard let range, range.count == text.utf8CodeUnitCount + 2 else { return false }
        for i in 0..<text.utf8CodeUnitCount where unsafe self[range.lowerBound + 1 + i] != text.utf8Start[i] {
            return false
        }
        return true
    }

    func hash(_ range: Range<Int>?, seed: UInt64) -> UInt64 {
        guard let range else { return seed &+ 1 }
        return unsafe extracting(range).withUnsafeBufferPointer {
            unsafe XXH64.hash(UnsafeRawBufferPointer($0), seed: seed)
        }
    }
}
