internal import StrictJSON

/// Other spellings of the URLs and paths that a rule names as texts: a tool may take them for the same.
///
/// Only rules that restrict ask. What permits goes by bytes.
enum Spelling {
    /// Whether a text may mean what a rule's own text does, though its bytes differ.
    static func mayMean(_ own: Span<UInt8>, _ text: Span<UInt8>, within work: inout WorkBudget) -> Bool {
        guard work.spend(1 + (own.count + text.count) >> 4) else { return true }
        if own.namesAuthority { return mayMean(uri: own, text) }
        guard own.firstIndex(of: UInt8(ascii: "/")) != nil else { return false }
        let path = SpelledPath(text)
        return mayMean(own, path, text, within: &work)
    }

    /// The same of a rule's text that has a slash and is not a URL.
    @inline(never) fileprivate static func mayMean(
        _ own: Span<UInt8>, _ path: SpelledPath, _ text: Span<UInt8>, within work: inout WorkBudget
    ) -> Bool {
        guard work.spend(1 + own.count >> 4) else { return true }
        guard own.hasOddBytes else { return path.mayBe(own, text, within: &work) }
        let decoded = SpelledPath.decoded(own)
        return path.mayBe(decoded.span, text, within: &work)
    }

    @inline(never) private static func mayMean(uri own: Span<UInt8>, _ text: Span<UInt8>) -> Bool {
        guard let ours = HierarchicalURI(own) else { return false }
        guard let given = HierarchicalURI(text) else {
            switch OddOrigin(text, scheme: own.extracting(ours.scheme)) {
            case .none: return false
            case .unclear(let isNumber): return !isNumber || ours.address != nil
            case .of(let origin):
                return HierarchicalURI(origin.span).map { mayBeOfOneOrigin(ours, own, $0, origin.span) } ?? true
            }
        }
        guard mayBeOfOneOrigin(ours, own, given, text) else { return false }
        let (path, root) = (text.extracting(given.path), own.extracting(ours.path))
        guard URIPattern.isReadInOneWay(path) else { return true }
        guard path.extracting(path.withoutSlashes).hasSameBytes(as: root.extracting(root.withoutSlashes)) else {
            return path.hasPercentEscape && root.hasPercentEscape
        }
        let query = text.extracting(given.path.upperBound..<given.end(of: text))
        return query.hasSameBytes(as: own.extracting(ours.path.upperBound..<ours.end(of: own)))
            || query.firstIndex(of: UInt8(ascii: "%")) != nil || query.firstIndex(of: UInt8(ascii: "+")) != nil
    }

    /// Whether two URIs may lead to one server: the host in another case, a port that goes without saying, an IPv4 address
    /// in an IPv6 one.
    static func mayBeOfOneOrigin(
        _ one: HierarchicalURI, _ own: Span<UInt8>, _ other: HierarchicalURI, _ text: Span<UInt8>
    ) -> Bool {
        let scheme = own.extracting(one.scheme)
        guard scheme.isSameIgnoringCase(as: text.extracting(other.scheme)) else { return false }
        if let port = one.port ?? URIPattern.defaultPort(of: scheme),
            let theirs = other.port ?? URIPattern.defaultPort(of: scheme), port != theirs
        {
            return false
        }
        guard let address = one.address else {
            return other.address == nil && own.extracting(one.host).isSameIgnoringCase(as: text.extracting(other.host))
        }
        return other.address.map { address.mayBe($0) } ?? false
    }
}

extension HierarchicalURI {
    /// Where it ends without a fragment, which no server sees, and a `?` before which there is no query.
    func end(of text: Span<UInt8>) -> Int {
        let end = text.firstIndex(of: UInt8(ascii: "#"), from: path.upperBound) ?? text.count
        return end == path.upperBound + 1 && text[path.upperBound] == UInt8(ascii: "?") ? path.upperBound : end
    }

    /// Where the host ends, with its bracket.
    func hostEnd(in text: Span<UInt8>) -> Int {
        host.upperBound < text.count && text[host.upperBound] == UInt8(ascii: "]")
            ? host.upperBound + 1 : host.upperBound
    }
}

extension ValueSet {
    /// Whether a text may mean what one of these does, though none of them is equal to it.
    func maySpell(_ value: JSON.Value, within work: inout WorkBudget) -> Bool {
        guard value.kind == .string else { return false }
        return value.withUTF8 { text in
            // Once for all: a text can be long, and the values many.
            guard work.spend(1 + text.count >> 4) else { return true }
            let path = SpelledPath(text)
            for own in values where own.kind == .string {
                let isMeant = own.withUTF8 { own in
                    guard !own.namesAuthority else { return Spelling.mayMean(own, text, within: &work) }
                    guard own.firstIndex(of: UInt8(ascii: "/")) != nil else { return !work.spend(1) }
                    return Spelling.mayMean(own, path, text, within: &work)
                }
                if isMeant { return true }
            }
            return false
        }
    }
}

extension Span<UInt8> {
    /// Whether this is a URI with a host, as far as can be seen: `://` after a scheme.
    var namesAuthority: Bool {
        guard let colon = firstIndex(of: UInt8(ascii: ":")), colon > 0, count - colon > 2,
            self[colon + 1] == UInt8(ascii: "/"), self[colon + 2] == UInt8(ascii: "/")
        else { return false }
        for i in 0..<colon where !HierarchicalURI.isSchemeByte(self[i], first: i == 0) { return false }
        return true
    }

    /// The part before the slashes at its end.
    var withoutSlashes: Range<Int> {
        var end = count
        while end > 0, self[end - 1] == UInt8(ascii: "/") { end -= 1 }
        return 0..<end
    }

    /// Whether a slash follows another.
    var hasEmptySegment: Bool {
        var i = 1
        while i < count {
            if self[i] == UInt8(ascii: "/"), self[i - 1] == UInt8(ascii: "/") { return true }
            i += 1
        }
        return false
    }

    /// Whether both are the same but for the case of ASCII letters.
    func isSameIgnoringCase(as other: borrowing Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        for i in indices where self[i].lowered != other[i].lowered { return false }
        return true
    }

    /// Whether a tool may read it as something else: an escape, a backslash, a NUL at which C ends.
    var hasOddBytes: Bool {
        firstIndex(of: 0) != nil || firstIndex(of: UInt8(ascii: "\\")) != nil || hasPercentEscape
    }

    /// Whether a tool that decodes it reads another path: `/data/%68r`.
    var hasPercentEscape: Bool {
        var i = 0
        while i + 2 < count {
            if self[i] == UInt8(ascii: "%"), IPAddress.hexDigit(self[i + 1]) != nil,
                IPAddress.hexDigit(self[i + 2]) != nil
            {
                return true
            }
            i += 1
        }
        return false
    }
}

extension UInt8 {
    /// In lower case, if it is an ASCII letter.
    var lowered: UInt8 { (65...90).contains(self) ? self | 0x20 : self }
}
