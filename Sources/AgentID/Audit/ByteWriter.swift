/// Fills a buffer whose size its user has reckoned beforehand. Never writes beyond it: what does not fit is left out.
@safe struct ByteWriter: ~Copyable {
    // SAFETY: used only while the array that lends the buffer is being made; every write is checked against its end.
    private let buffer: UnsafeMutableBufferPointer<UInt8>
    private(set) var count = 0

    /// An array of at most `size` bytes.
    static func bytes(_ size: Int, _ body: (inout ByteWriter) -> Void) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            var writer = unsafe ByteWriter(UnsafeMutableBufferPointer(rebasing: buffer.prefix(size)))
            body(&writer)
            count = writer.count
        }
    }

    private init(_ buffer: UnsafeMutableBufferPointer<UInt8>) { unsafe self.buffer = unsafe buffer }

    mutating func put(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBufferPointer { unsafe put($0) }
    }

    mutating func put(_ text: StaticString) {
        unsafe put(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private mutating func put(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let source = bytes.baseAddress, let target = unsafe buffer.baseAddress,
            unsafe bytes.count <= buffer.count - count
        else { return }
        unsafe (target + count).update(from: source, count: bytes.count)
        count += bytes.count
    }

    /// Sixteen digits.
    mutating func put(hexadecimal word: UInt64) {
        guard unsafe buffer.count - count >= 16, let target = unsafe buffer.baseAddress else { return }
        let shifts = SIMD8<UInt64>(56, 48, 40, 32, 24, 16, 8, 0)
        let bytes = SIMD8<UInt8>(truncatingIfNeeded: SIMD8<UInt64>(repeating: word) &>> shifts)
        var digits = SIMD16<UInt8>()
        (digits.evenHalf, digits.oddHalf) = (bytes &>> 4, bytes & 15)
        digits = (digits &+ 0x30).replacing(with: digits &+ 0x57, where: digits .> 9)
        unsafe UnsafeMutableRawPointer(target + count).storeBytes(of: digits, as: SIMD16<UInt8>.self)
        count += 16
    }

    /// Decimal digits; a negative number as 0.
    mutating func put(decimal number: Int64) {
        var digits = 1
        var rest = UInt64(clamping: number)
        while rest >= 10 {
            rest /= 10
            digits += 1
        }
        guard unsafe buffer.count - count >= digits else { return }
        rest = UInt64(clamping: number)
        for i in stride(from: digits - 1, through: 0, by: -1) {
            unsafe buffer[count + i] = UInt8(truncatingIfNeeded: rest % 10) + 0x30
            rest /= 10
        }
        count += digits
    }
}
