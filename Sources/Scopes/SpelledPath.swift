internal import StrictJSON

/// A text as a tool may read it as a path, to be compared with the paths that a rule names.
struct SpelledPath {
    /// The path with escapes decoded and `\` as `/`; `nil` where the text has none.
    private let decoded: [UInt8]?
    /// Whether a decoder may read a byte as more than it is.
    private let isUnclear: Bool
    private let isAbsolute: Bool
    /// The last segment that remains after `.` and `..`; `nil` where none does.
    private let last: Range<Int>?

    @inline(never) init(_ text: Span<UInt8>) {
        guard text.hasOddBytes else {
            (decoded, isUnclear, isAbsolute) = (nil, false, PathContainment.isPath(text))
            last = PathContainment.lastSegment(of: text)
            return
        }
        let path = Self.decoded(text)
        (decoded, isAbsolute) = (path, PathContainment.isPath(path.span))
        last = PathContainment.lastSegment(of: path.span)
        // An overlong `/` or `.`.
        isUnclear = path.contains(0xC0) || path.contains(0xC1)
    }

    /// Whether this may be the path that a rule names: from where a tool stands, a relative path may lead anywhere, and its last
    /// name stays.
    func mayBe(_ own: Span<UInt8>, _ text: Span<UInt8>, within work: inout WorkBudget) -> Bool {
        guard !isUnclear else { return true }
        guard let decoded else { return mayBe(own, path: text, within: &work) }
        return mayBe(own, path: decoded.span, within: &work)
    }

    private func mayBe(_ own: Span<UInt8>, path: Span<UInt8>, within work: inout WorkBudget) -> Bool {
        guard let last else { return !path.isEmpty && !isAbsolute || PathContainment.lastSegment(of: own) == nil }
        guard let ours = PathContainment.lastSegment(of: own),
            path.extracting(last).hasSameBytes(as: own.extracting(ours))
        else { return false }
        let isOwnAbsolute = PathContainment.isPath(own)
        guard isAbsolute == isOwnAbsolute, isAbsolute || Glob.isPlainPath(path) && Glob.isPlainPath(own) else {
            return true
        }
        guard work.spend((path.count + own.count) >> 2) else { return true }
        return PathContainment.isSame(own, path)
    }

    /// A text with its escapes decoded, as often as there are some, up to a NUL.
    static func decoded(_ text: Span<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        for i in text.indices { bytes.append(text[i]) }
        for _ in 0..<4 {
            guard bytes.span.hasPercentEscape else { break }
            var (read, written) = (0, 0)
            while read < bytes.count {
                var byte = bytes[read]
                if byte == UInt8(ascii: "%"), read + 2 < bytes.count, let high = IPAddress.hexDigit(bytes[read + 1]),
                    let low = IPAddress.hexDigit(bytes[read + 2])
                {
                    byte = UInt8(truncatingIfNeeded: high << 4 | low)
                    read += 2
                }
                bytes[written] = byte
                (read, written) = (read + 1, written + 1)
            }
            bytes.removeLast(bytes.count - written)
        }
        if let end = bytes.firstIndex(of: 0) { bytes.removeLast(bytes.count - end) }
        for i in bytes.indices where bytes[i] == UInt8(ascii: "\\") { bytes[i] = UInt8(ascii: "/") }
        return bytes
    }
}
