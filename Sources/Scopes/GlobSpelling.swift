internal import StrictJSON

extension Glob {
    /// Whether a text that does not match surely means nothing that does: it is a path, or a URL, that is read in one way.
    ///
    /// Only rules that restrict ask. Allocates where the pattern is of URLs and has a wildcard before their path.
    func canTell(_ text: Span<UInt8>, within work: inout WorkBudget) -> Bool {
        guard isAboutPaths else { return true }
        guard work.spend(8 + text.count >> 4) else { return false }
        if let authority { return !mayMatch(uri: text, from: authority, within: &work) }
        guard Self.isPlainPath(text), !text.hasPercentEscape else { return false }
        // A pattern that looks for a URL in a text is about no paths.
        guard tokens.first != .path || text.firstIndex(of: UInt8(ascii: ":")) == nil else { return true }
        let bare = text.withoutSlashes
        guard !text.extracting(bare).hasEmptySegment, let first = tokens.first else { return false }
        switch first {
        case .run, .path:
            // Of a relative path, what is before it may be what the wildcard is for: `**/.env` and `.env`.
            if text.isEmpty || text[0] != Self.slash, tokens.count > 1, tokens[1] == .byte(Self.slash),
                matches(text.extracting(bare), upTo: 2..<tokens.count, within: &work)
            {
                return false
            }
        case .byte, .any:
            guard !text.isEmpty, (text[0] == Self.slash) == (first == .byte(Self.slash)) else { return false }
        }
        return !matchesEitherEnd(text, from: 0, isNew: false, within: &work) && !work.isExhausted
    }

    private static var slash: UInt8 { UInt8(ascii: "/") }

    /// Where the authority begins in a pattern of URLs: after `://`, before which there is a scheme, perhaps with a wildcard.
    private var authority: Int? {
        var i = 0
        while i < tokens.count {
            switch tokens[i] {
            case .byte(UInt8(ascii: ":")):
                guard i > 0, tokens.count - i > 2, tokens[i + 1] == .byte(Self.slash),
                    tokens[i + 2] == .byte(Self.slash)
                else { return nil }
                return i + 3
            case .byte(let byte): guard HierarchicalURI.isSchemeByte(byte, first: i == 0) else { return nil }
            case .run, .any: break
            case .path: return nil
            }
            i += 1
        }
        return nil
    }

    private func mayMatch(uri text: Span<UInt8>, from authority: Int, within work: inout WorkBudget) -> Bool {
        guard let uri = HierarchicalURI(text) else { return mayLead(to: text, from: authority, within: &work) }
        // Where the pattern's path begins, and whether a wildcard before it may stand for a path, too.
        var (start, isDeep) = (authority, false)
        while start < tokens.count, tokens[start] != .byte(Self.slash) {
            isDeep = isDeep || tokens[start] == .path
            start += 1
        }
        let path = text.extracting(uri.path)
        let isReadInOneWay = URIPattern.isReadInOneWay(path)
        if start <= literal.count {
            let literal = literal
            let own = literal.span.extracting(0..<start)
            guard let ours = HierarchicalURI(own), Spelling.mayBeOfOneOrigin(ours, own, uri, text) else { return false }
        } else {
            guard mayMatch(originOf: uri, text, upTo: isDeep ? tokens.count : start, isDeep: isDeep, within: &work)
            else {
                return isDeep && !isReadInOneWay
            }
            if isDeep { return true }
        }
        guard isReadInOneWay else { return true }
        if path.hasPercentEscape, tokens[start...].contains(.byte(UInt8(ascii: "%"))) { return true }
        let end = uri.end(of: text)
        if path.isEmpty, end > uri.path.upperBound { return true }
        return matchesEitherEnd(text.extracting(uri.path.lowerBound..<end), from: start, within: &work)
            || work.isExhausted
    }

    /// Whether a tool may go, for a text that is not a URI, to a server that the pattern names.
    private func mayLead(to text: Span<UInt8>, from authority: Int, within work: inout WorkBudget) -> Bool {
        var scheme: [UInt8]? = []
        for token in tokens[..<(authority - 3)] {
            if case .byte(let byte) = token { scheme?.append(byte) } else { scheme = nil }
        }
        var pattern: [Token] = []
        var isAddress = true
        for (i, token) in tokens.enumerated() {
            if i >= authority, token == .byte(Self.slash) { break }
            switch token {
            case .byte(let byte):
                pattern.append(.byte(byte.lowered))
                if i >= authority, IPAddress.hexDigit(byte) == nil, byte != UInt8(ascii: "."),
                    byte != UInt8(ascii: ":"),
                    byte != UInt8(ascii: "["), byte != UInt8(ascii: "]")
                {
                    isAddress = false
                }
            case .path: pattern.append(.run)
            default: pattern.append(token)
            }
        }
        let only = scheme ?? []
        switch OddOrigin(text, scheme: only.span) {
        case .none: return false
        case .unclear(let isNumber): return !isNumber || isAddress
        case .of(let origin):
            guard let uri = HierarchicalURI(origin.span) else { return true }
            return mayMatch(originOf: uri, origin.span, pattern, isDeep: false, within: &work)
        }
    }

    /// Whether the tokens before `end` match a URI's scheme and host in lower case, with a port or without; where they reach
    /// into the path, all of it.
    private func mayMatch(
        originOf uri: HierarchicalURI, _ text: Span<UInt8>, upTo end: Int, isDeep: Bool, within work: inout WorkBudget
    ) -> Bool {
        // Most URLs are of another host, which its end shows before anything is made.
        guard isDeep || uri.address != nil || mayEnd(text.extracting(uri.host), before: end) else { return false }
        return mayMatch(originOf: uri, text, Array(tokens[..<end]), isDeep: isDeep, within: &work)
    }

    /// Whether a host ends in what the tokens before `end` do, after the last wildcard.
    private func mayEnd(_ host: Span<UInt8>, before end: Int) -> Bool {
        var (i, j) = (end - 1, host.count - 1)
        while i >= 0, case .byte(let byte) = tokens[i] {
            // A port, or the scheme.
            if byte == UInt8(ascii: ":") || byte == Self.slash { return true }
            guard j >= 0, host[j].lowered == byte.lowered else { return portFollows(before: end) }
            (i, j) = (i - 1, j - 1)
        }
        return true
    }

    /// Whether the tokens before `end` end in a port.
    private func portFollows(before end: Int) -> Bool {
        var i = end - 1
        while i >= 0, case .byte(let byte) = tokens[i], (48...57).contains(byte) { i -= 1 }
        return i >= 0 && i < end - 1 && tokens[i] == .byte(UInt8(ascii: ":"))
    }

    private func mayMatch(
        originOf uri: HierarchicalURI, _ text: Span<UInt8>, _ tokens: [Token], isDeep: Bool,
        within work: inout WorkBudget
    ) -> Bool {
        var pattern = tokens
        for i in pattern.indices {
            if case .byte(let byte) = pattern[i] {
                // An IPv6 address has many spellings, of which a pattern with wildcards may mean any.
                if byte == UInt8(ascii: "["), uri.address != nil { return true }
                pattern[i] = .byte(byte.lowered)
            }
        }
        var rest: [UInt8] = []
        if isDeep {
            var last = uri.end(of: text)
            while last > uri.path.lowerBound, text[last - 1] == Self.slash { last -= 1 }
            for i in uri.path.lowerBound..<last { rest.append(text[i].lowered) }
        }
        let standard = URIPattern.defaultPort(of: text.extracting(uri.scheme))
        // As the host is written, then as the addresses that it may stand for.
        for way in -1..<(uri.address?.isVersion6 == true ? IPAddress.ways : 0) {
            var origin: [UInt8] = []
            for i in 0..<(way < 0 ? uri.hostEnd(in: text) : uri.scheme.upperBound + 3) {
                origin.append(text[i].lowered)
            }
            if way >= 0 {
                guard let inner = uri.address?.version4(way) else { continue }
                origin += "\(inner >> 24).\(inner >> 16 & 255).\(inner >> 8 & 255).\(inner & 255)".utf8
            }
            for writesPort in [false, true] {
                if writesPort {
                    guard let port = uri.port ?? standard else { continue }
                    origin += ":\(port)".utf8
                } else if let port = uri.port, port != standard {
                    continue
                }
                for hasSlash in [false, true] where isDeep || !hasSlash {
                    let written = origin + rest + (hasSlash ? [Self.slash] : [])
                    let nothing = written.span.extracting(0..<0)
                    if Self.matches(written.span, pattern.span, literal: nothing, isAboutPaths: false, within: &work) {
                        return true
                    }
                }
            }
        }
        return work.isExhausted
    }

    /// Whether some of the tokens match a path, which may end in a slash where the pattern has none, or lack the one that
    /// the pattern has before its last wildcard: `/etc/**` and `/etc`.
    ///
    /// - Parameter isNew: is false for a text that is known not to match as it is.
    private func matchesEitherEnd(
        _ path: Span<UInt8>, from start: Int, isNew: Bool = true, within work: inout WorkBudget
    ) -> Bool {
        let bare = path.extracting(path.withoutSlashes)
        if isNew || bare.count < path.count, matches(bare, upTo: start..<tokens.count, within: &work) { return true }
        var end = tokens.count
        if end > start, tokens[end - 1].isRun { end -= 1 }
        guard end > start, tokens[end - 1] == .byte(Self.slash) else { return false }
        return matches(bare, upTo: start..<end - 1, within: &work)
    }

    private func matches(_ text: Span<UInt8>, upTo some: Range<Int>, within work: inout WorkBudget) -> Bool {
        let tokens = tokens
        return Self.matches(
            text, tokens.span.extracting(some), literal: text.extracting(0..<0), isAboutPaths: true, within: &work)
    }
}
