internal import JOSE

/// Names one registry: 32 hexadecimal digits, drawn when it is made and when it is restored.
enum RegistryEpoch {
    static func draw() -> String {
        let drawn = Sodium.sipHashKey()
        return String(
            decoding: ByteWriter.bytes(32) { digits in
                digits.put(hexadecimal: drawn.x)
                digits.put(hexadecimal: drawn.y)
            }, as: UTF8.self)
    }

    /// As two words; zeros for what is not an epoch.
    static func words(_ epoch: String) -> SIMD2<UInt64> {
        let digits = Array(epoch.utf8)
        guard digits.count == 32 else { return .zero }
        func word(_ digits: ArraySlice<UInt8>) -> UInt64 {
            UInt64(String(decoding: digits, as: UTF8.self), radix: 16) ?? 0
        }
        return SIMD2(word(digits[..<16]), word(digits[16...]))
    }
}
