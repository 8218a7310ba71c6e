internal import StrictJSON

/// The `path_containment` constraint (AAT section 3.5.3): a path that is, after lexical normalisation, the root or
/// below it.
///
/// A value that is relative, or holds a NUL or a backslash, is not a path. `%2e` and `%2f` are ordinary characters
/// here: a path is not a URI. A tool that decodes them must do so before it asks.
struct PathContainment: Sendable, Equatable {
    /// The normalised root.
    @Exact private(set) var root: String
    private let bytes: [UInt8]

    init?(root: String) {
        let given = Array(root.utf8)
        guard Self.isPath(given.span) else { return nil }
        var text = ""
        var kept: [Range<Int>] = []
        let span = given.span
        Self.forEachKeptFromEnd(span) { kept.append($0) }
        for range in kept.reversed() { text += "/" + String(decoding: given[range], as: UTF8.self) }
        self.root = text.isEmpty ? "/" : text
        bytes = Array(text.utf8)
    }

    /// Whether a path lies at or below the root; allocates nothing, takes time linear in the path.
    func contains(_ path: Span<UInt8>) -> Bool {
        let bytes = bytes
        return Self.isBelow(bytes.span, path)
    }

    /// Whether a path lies at or below a root, each segment of which is there with the `/` before it.
    static func isBelow(_ root: Span<UInt8>, _ path: Span<UInt8>) -> Bool {
        guard isPath(path) else { return false }
        var (kept, depth) = (0, 0)
        forEachKeptFromEnd(path) { _ in kept += 1 }
        for i in root.indices where root[i] == UInt8(ascii: "/") { depth += 1 }
        guard kept >= depth else { return false }
        // From the end as well: where the segments that are to be compared next end.
        var end = root.count
        var isInside = true
        forEachKeptFromEnd(path) { range in
            kept -= 1
            guard kept < depth, isInside else { return }
            let start = end - range.count
            isInside =
                start > 0 && root[start - 1] == UInt8(ascii: "/")
                && path.extracting(range).hasSameBytes(as: root.extracting(start..<end))
            end = start - 1
        }
        return isInside
    }

    /// Whether two absolute paths are one after lexical normalisation.
    static func isSame(_ one: Span<UInt8>, _ other: Span<UInt8>) -> Bool {
        var (own, theirs) = (SegmentsFromEnd(one), SegmentsFromEnd(other))
        while true {
            switch (own.next(of: one), theirs.next(of: other)) {
            case (nil, nil): return true
            case (let a?, let b?): guard one.extracting(a).hasSameBytes(as: other.extracting(b)) else { return false }
            default: return false
            }
        }
    }

    func contains(_ other: PathContainment) -> Bool {
        let root = Array(other.root.utf8)
        return contains(root.span)
    }

    static func isPath(_ path: Span<UInt8>) -> Bool {
        guard !path.isEmpty, path[0] == UInt8(ascii: "/") else { return false }
        for i in path.indices where path[i] == 0 || path[i] == UInt8(ascii: "\\") { return false }
        return true
    }

    /// The last segment that remains after normalisation; `nil` where none does.
    static func lastSegment(of path: Span<UInt8>) -> Range<Int>? {
        var segments = SegmentsFromEnd(path)
        return segments.next(of: path)
    }

    private static func forEachKeptFromEnd(_ path: Span<UInt8>, _ body: (Range<Int>) -> Void) {
        var segments = SegmentsFromEnd(path)
        while let segment = segments.next(of: path) { body(segment) }
    }
}

/// The segments of a path that remain after `.`, `..` and empty ones are resolved, last first, which needs no stack.
private struct SegmentsFromEnd {
    private var end: Int
    private var skipped = 0

    init(_ path: Span<UInt8>) { end = path.count }

    @inline(__always)
    mutating func next(of path: Span<UInt8>) -> Range<Int>? {
        while end > 0 {
            var start = end
            while start > 0, path[start - 1] != UInt8(ascii: "/") { start -= 1 }
            let length = end - start
            let isDot = length == 1 && path[start] == UInt8(ascii: ".")
            let isDotDot = length == 2 && path[start] == UInt8(ascii: ".") && path[start + 1] == UInt8(ascii: ".")
            let segment = start..<end
            end = start - 1
            if isDotDot {
                skipped += 1
            } else if length > 0, !isDot {
                guard skipped > 0 else { return segment }
                skipped -= 1
            }
        }
        return nil
    }
}
