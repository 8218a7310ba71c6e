/// Fills a buffer whose size the caller computed. Never writes past its end: bytes that do not fit are left out.
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

    /// Calls `fill`, then `body` with the at most `size` bytes written. Needs no array; the bytes are gone afterwards.
    static func withBytes<Result>(
        _ size: Int, _ fill: (inout ByteWriter) -> Void, _ body: (Span<UInt8>) throws(AgentIDError) -> Result
    ) throws(AgentIDError) -> Result {
        let result = unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: size) { buffer in
            var writer = unsafe ByteWriter(buffer)
            fill(&writer)
            let bytes = unsafe Span(_unsafeElements: UnsafeBufferPointer(rebasing: buffer.prefix(writer.count)))
            do throws(AgentIDError) { return Swift.Result<Result, AgentIDError>.success(try body(bytes)) } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private init(_ buffer: UnsafeMutableBufferPointer<UInt8>) { unsafe self.buffer = unsafe buffer }

    mutating func put(_ bytes: [UInt8]) { put(bytes.span) }

    mutating func put(_ bytes: Span<UInt8>) {
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

    /// Writes eight bytes, little-endian.
    mutating func put(word: UInt64) {
        guard unsafe buffer.count - count >= 8, let target = unsafe buffer.baseAddress else { return }
        unsafe UnsafeMutableRawPointer(target + count).storeBytes(of: word.littleEndian, as: UInt64.self)
        count += 8
    }

    /// Writes sixteen hexadecimal digits.
    mutating func put(hexadecimal word: UInt64) {
        guard unsafe buffer.count - count >= 16, let target = unsafe buffer.baseAddress else { return }
        let place = unsafe UnsafeMutableRawPointer(target + count)
        let digits = (Self.digits(word >> 32), Self.digits(word & 0xFFFF_FFFF))
        unsafe place.storeBytes(of: digits.0.bigEndian, as: UInt64.self)
        unsafe place.storeBytes(of: digits.1.bigEndian, toByteOffset: 8, as: UInt64.self)
        count += 16
    }

    /// Writes `"digest":…,`, or nothing.
    mutating func put(digest: SIMD2<UInt64>?) {
        guard let digest else { return }
        put(#""digest":""#)
        put(hexadecimal: digest.x)
        put(hexadecimal: digest.y)
        put("\",")
    }

    /// The eight hexadecimal digits of 32 bits, one a byte, computed together.
    private static func digits(_ half: UInt64) -> UInt64 {
        var digits = (half | half << 16) & 0x0000_FFFF_0000_FFFF
        digits = (digits | digits << 8) & 0x00FF_00FF_00FF_00FF
        digits = (digits | digits << 4) & 0x0F0F_0F0F_0F0F_0F0F
        let letters = (digits &+ 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
        return digits &+ 0x3030_3030_3030_3030 &+ letters &* 0x27
    }

    /// Writes decimal digits; a negative number as 0.
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
