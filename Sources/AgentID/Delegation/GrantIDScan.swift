internal import StrictJSON

/// Finds a payload's `jti` before its signature is verified: AAT step 2c permits that, and no parsing beyond it. Also
/// finds the `iss` of a root without a `kid`, which selects the keys to try.
///
/// A byte scan that knows strings and nesting depth, nothing else. Its results are compared with the claims later.
enum GrantIDScan {
    static func find(_ name: StaticString = "jti", in payload: Span<UInt8>) -> Range<Int>? {
        let name = name.withUTF8Buffer { unsafe Array($0) }
        var depth = 0
        var position = 0
        var isName = true
        while position < payload.count {
            switch payload[position] {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                isName = true
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            case UInt8(ascii: ","): isName = true
            case UInt8(ascii: ":"): isName = false
            case UInt8(ascii: "\""):
                guard let text = string(payload, from: position) else { return nil }
                position = text.upperBound
                if depth == 1, isName, payload.extracting(text).hasSameBytes(as: name.span) {
                    return value(payload, after: position)
                }
            default: break
            }
            position += 1
        }
        return nil
    }

    /// The string after a name's colon; not empty, without escapes: an identifier needs none.
    private static func value(_ payload: Span<UInt8>, after end: Int) -> Range<Int>? {
        var position = end + 1
        var colonSeen = false
        while position < payload.count {
            switch payload[position] {
            case 0x20, 0x09, 0x0A, 0x0D: break
            case UInt8(ascii: ":") where !colonSeen: colonSeen = true
            case UInt8(ascii: "\"") where colonSeen:
                guard let text = string(payload, from: position), !text.isEmpty else { return nil }
                for i in text where payload[i] == UInt8(ascii: "\\") { return nil }
                return text
            default: return nil
            }
            position += 1
        }
        return nil
    }

    /// The inside of the string whose opening quote is at `start`.
    private static func string(_ payload: Span<UInt8>, from start: Int) -> Range<Int>? {
        var position = start + 1
        while position < payload.count {
            if payload[position] == UInt8(ascii: "\"") { return start + 1..<position }
            position += payload[position] == UInt8(ascii: "\\") ? 2 : 1
        }
        return nil
    }
}
