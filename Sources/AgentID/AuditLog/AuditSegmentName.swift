internal import StrictJSON

/// A segment's name: `<owner>-<number>`, so that an owner's segments sort in the order it filled them.
///
/// The sequencer takes nothing from a segment before the owner's earlier segments have ended: the lines of one process
/// keep their order, whatever the clock does.
struct AuditSegmentName: Sendable, Hashable, Comparable, CustomStringConvertible {
    private let text: ExactText
    var description: String { text.string }

    init(owner: String, number: Int) {
        let digits = String(UInt32(truncatingIfNeeded: number), radix: 16)
        text = ExactText(
            "\(owner)-\(String(repeating: "0", count: 8 - digits.utf8.count))\(digits)")
    }

    /// Reads a name in the form made here. Any other file in the directory is not ours, and never becomes a path.
    init?(_ text: String) {
        let utf8 = Array(text.utf8)
        guard utf8.count == 45 else { return nil }
        for (i, byte) in utf8.enumerated() {
            let isHyphen = [8, 13, 18, 23, 36].contains(i)
            let isDigit = (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
            guard isHyphen ? byte == UInt8(ascii: "-") : isDigit else { return nil }
        }
        self.text = text.exact
    }

    /// The name of a file, if it is a segment.
    init?(file: String) {
        guard file.ends(exactly: AuditSegment.suffix) else { return nil }
        self.init(String(file.dropLast(AuditSegment.suffix.utf8.count)))
    }

    var file: String { description + AuditSegment.suffix }

    var owner: ExactText { String(description.prefix(36)).exact }

    static func < (left: AuditSegmentName, right: AuditSegmentName) -> Bool { left.text < right.text }
}
