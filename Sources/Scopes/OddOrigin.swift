internal import StrictJSON

/// The server that a tool may go to for a text which is not a URI: `https:\\evil.example`, `evil.example/x`, `//u@evil.example`.
enum OddOrigin {
    /// Plainly none: a word, a sentence, a path, another scheme.
    case none
    /// Some server, which cannot be told; `isNumber`: an address, in a form that has several readings.
    case unclear(isNumber: Bool)
    /// The URI of a server.
    case of([UInt8])

    private static let longest = 1024

    /// - Parameter scheme: The only scheme that matters, which a text without any is taken to have; empty for any.
    init(_ text: Span<UInt8>, scheme: Span<UInt8>) {
        self = .none
        let (bytes, isCut) = Self.read(text)
        let slash = UInt8(ascii: "/")
        var first = 0
        while first < bytes.count, !Self.isStructure(bytes[first]) { first += 1 }
        var (rest, own, hasScheme) = (0, Array("https".utf8), false)
        if scheme.count > 0 {
            own = []
            for i in scheme.indices { own.append(scheme[i].lowered) }
        }
        if first > 0, first < bytes.count, bytes[first] == UInt8(ascii: ":"),
            Self.isScheme(bytes.span.extracting(0..<first))
        {
            let given = bytes.span.extracting(0..<first)
            let next = first + 1 < bytes.count ? bytes[first + 1] : 0
            // A host with its port looks like a scheme.
            let isHost = given.firstIndex(of: UInt8(ascii: ".")) != nil || (48...57).contains(next)
            // `mailto:` and the like lead to no server; browsers take `https:evil.example` for one.
            hasScheme =
                scheme.count > 0
                ? given.hasSameBytes(as: own.span)
                : !isHost && (next == slash || URIPattern.defaultPort(of: given) != nil)
            guard hasScheme || isHost else { return }
            if hasScheme {
                if scheme.count == 0 { own = Array(bytes[..<first]) }
                rest = first + 1
            }
        }
        if hasScheme || bytes.count > 1 && bytes[0] == slash && bytes[1] == slash {
            while rest < bytes.count, bytes[rest] == slash { rest += 1 }
        }
        var end = rest
        while end < bytes.count, bytes[end] != slash, bytes[end] != UInt8(ascii: "?"), bytes[end] != UInt8(ascii: "#") {
            end += 1
        }
        // What is beyond may be the host, after a user's name or slashes without end.
        let isWord = first == bytes.count && text.firstIndex(of: UInt8(ascii: "@")) != nil
        if isCut, end == bytes.count, hasScheme || rest > 0 || isWord {
            self = .unclear(isNumber: false)
            return
        }
        var start = rest
        for i in rest..<end where bytes[i] == UInt8(ascii: "@") { start = i + 1 }
        // Without more, `bob@a.example` is an address of mail.
        guard start == rest || hasScheme || end < bytes.count || rest > 0 else { return }
        guard let host = Host(bytes.span.extracting(start..<end)) else { return }
        if host.isPlain {
            var origin = own + Array("://".utf8) + bytes[start..<start + host.end]
            if let port = host.port { origin += ":\(port)".utf8 }
            origin.append(slash)
            if HierarchicalURI(origin.span) != nil {
                self = .of(origin)
                return
            }
        }
        if hasScheme || host.hasDot || host.isNumber { self = .unclear(isNumber: host.isNumber) }
    }

    /// The beginning of a text, in lower case, as browsers read it: without blanks before it and line ends in it, `\` as `/`.
    private static func read(_ text: Span<UInt8>) -> (bytes: [UInt8], isCut: Bool) {
        var bytes: [UInt8] = []
        var i = 0
        while i < text.count, text[i] <= 0x20 { i += 1 }
        while i < text.count, bytes.count < longest {
            switch text[i] {
            case 0x09, 0x0A, 0x0D: break
            case UInt8(ascii: "\\"): bytes.append(UInt8(ascii: "/"))
            default: bytes.append(text[i].lowered)
            }
            i += 1
        }
        while let last = bytes.last, last <= 0x20 { bytes.removeLast() }
        return (bytes, i < text.count)
    }

    private static func isStructure(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: ":"), UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#"), 0x20: true
        default: false
        }
    }

    private static func isScheme(_ text: Span<UInt8>) -> Bool {
        for i in text.indices where !HierarchicalURI.isSchemeByte(text[i], first: i == 0) { return false }
        return true
    }

    /// The host in an authority, as far as it can be one.
    private struct Host {
        /// Whether it is written without escapes, in ASCII.
        private(set) var isPlain = true
        /// Whether it has a dot, or what may be one.
        private(set) var hasDot = false
        /// Whether it has digits of an address alone.
        private(set) var isNumber = true
        /// The end of the host, without a dot after it.
        private(set) var end = 0
        private(set) var port: Int?

        /// `nil` where no host has such bytes.
        init?(_ authority: Span<UInt8>) {
            guard !authority.isEmpty else { return nil }
            var colon: Int?
            for i in authority.indices {
                switch authority[i] {
                case 0...0x20, 0x22, 0x3C, 0x3E, 0x5E, 0x60, 0x7B...0x7D, 0x7F: return nil
                case UInt8(ascii: "."): hasDot = true
                case UInt8(ascii: ":"):
                    if authority[0] != UInt8(ascii: "["), colon == nil { colon = i }
                case UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                    UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "x"):
                    break
                case UInt8(ascii: "%"):
                    // Of a zone, or decoded: a dot, too.
                    guard authority.hasPercentEscape || authority[0] == UInt8(ascii: "[") else { return nil }
                    (isPlain, hasDot, isNumber) = (false, true, isNumber && authority[0] == UInt8(ascii: "["))
                case 0x80...:
                    (isPlain, isNumber) = (false, false)
                    // Dots of other scripts: U+3002, U+FF0E, U+FF61.
                    if i + 2 < authority.count {
                        switch (authority[i], authority[i + 1], authority[i + 2]) {
                        case (0xE3, 0x80, 0x82), (0xEF, 0xBC, 0x8E), (0xEF, 0xBD, 0xA1): hasDot = true
                        default: break
                        }
                    }
                default: if colon == nil { isNumber = false }
                }
            }
            end = colon ?? authority.count
            if let colon {
                var number = 0
                for i in colon + 1..<authority.count {
                    // Something else than a port: the host is judged alone.
                    guard (48...57).contains(authority[i]), number < 65536 else {
                        number = 0
                        break
                    }
                    number = number * 10 + Int(authority[i]) - 48
                }
                if (1...65535).contains(number) { port = number }
            }
            while end > 0, authority[end - 1] == UInt8(ascii: ".") { end -= 1 }
            guard end > 0 else { return nil }
        }
    }
}
