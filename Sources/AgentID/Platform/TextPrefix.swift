internal import StrictJSON

extension String {
    /// The longest prefix of at most `most` bytes that ends between two characters.
    func prefix(bytes most: Int) -> String {
        withUTF8Span { bytes in
            var end = min(most, bytes.count)
            // A byte 10xxxxxx continues a character.
            while end > 0, end < bytes.count, bytes[end] & 0xC0 == 0x80 { end -= 1 }
            return String(decoding: Array(bytes.extracting(first: end).indices.map { bytes[$0] }), as: UTF8.self)
        }
    }
}
