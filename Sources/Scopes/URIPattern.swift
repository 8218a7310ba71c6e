internal import StrictJSON

/// The `uri` constraint: the permitted schemes, hosts and ports, and a root of paths. A part that is missing permits
/// anything.
struct URIPattern: Sendable, Equatable {
    /// The schemes, in lower case.
    let schemes: [String]?
    let hosts: [HostPattern]?
    let ports: [Int]?
    /// An absolute path without a slash at the end; `/` for the whole host.
    let path: String?
    private let pathBytes: [UInt8]

    init?(schemes: [String]?, hosts: [HostPattern]?, ports: [Int]?, path: String?) {
        guard schemes != nil || hosts != nil || ports != nil || path != nil else { return nil }
        guard schemes?.isEmpty != true, hosts?.isEmpty != true, ports?.isEmpty != true else { return nil }
        for scheme in schemes ?? [] {
            guard !scheme.isEmpty,
                scheme.utf8.enumerated().allSatisfy({
                    HierarchicalURI.isSchemeByte($0.element, first: $0.offset == 0) && !(65...90).contains($0.element)
                })
            else { return nil }
        }
        guard (ports ?? []).allSatisfy({ (1...65535).contains($0) }) else { return nil }
        var bytes = Array((path ?? "").utf8)
        while bytes.count > 1, bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
        if path != nil {
            guard bytes.first == UInt8(ascii: "/"), HierarchicalURI.hasOnlyURICharacters(bytes.span),
                !bytes.contains(UInt8(ascii: "?")), !bytes.contains(UInt8(ascii: "#")), Self.isPlain(bytes.span)
            else { return nil }
        }
        self.schemes = schemes.map { Array(Set($0.map(\.exact))).inOrder().map(\.string) }
        self.hosts = hosts.map { HostPattern.sorted($0) }
        self.ports = ports.map { Array(Set($0)).inOrder() }
        self.path = path == nil ? nil : String(decoding: bytes, as: UTF8.self)
        pathBytes = bytes
    }

    /// The number of hosts, ports and schemes it lists.
    var size: Int { (schemes?.count ?? 0) + (hosts?.count ?? 0) + (ports?.count ?? 0) }

    /// Whether a URI matches; allocates nothing.
    func matches(_ text: Span<UInt8>, within work: inout WorkBudget) -> Bool {
        guard work.spend(8 + min(text.count, HierarchicalURI.longest) * 2 + size * 3) else { return false }
        guard let uri = HierarchicalURI(text) else { return false }
        let scheme = text.extracting(uri.scheme)
        if let schemes, !schemes.contains(where: { scheme.isASCIICaseInsensitively($0) }) { return false }
        if let hosts, !hosts.contains(where: { $0.matches(text.extracting(uri.host), uri.address) }) { return false }
        if let ports {
            guard let port = uri.port ?? Self.defaultPort(of: scheme), ports.contains(port) else { return false }
        }
        return path == nil || isBelow(text.extracting(uri.path))
    }

    /// Whether a text that does not match surely means another URI: one of its parts is plainly none of ours. Only rules that
    /// restrict ask.
    func canTell(_ text: Span<UInt8>, within work: inout WorkBudget) -> Bool {
        guard work.spend(8 + min(text.count, HierarchicalURI.longest) + size * 4) else { return false }
        guard let uri = HierarchicalURI(text) else { return false }
        let scheme = text.extracting(uri.scheme)
        if let schemes, !schemes.contains(where: { scheme.isASCIICaseInsensitively($0) }) { return true }
        if let hosts, !hosts.contains(where: { $0.mayBe(text.extracting(uri.host), uri.address) }) { return true }
        // A scheme whose port is not known may have any.
        if let ports, let port = uri.port ?? Self.defaultPort(of: scheme), !ports.contains(port) { return true }
        guard path != nil else { return false }
        let (path, root) = (text.extracting(uri.path), pathBytes)
        guard Self.isReadInOneWay(path), !isBelow(path) else { return false }
        return !path.hasPercentEscape || !root.contains(UInt8(ascii: "%"))
    }

    /// Whether servers find one thing at a path: no empty segments, no parameters, escapes in upper case, and of UTF-8 as it
    /// has to be.
    static func isReadInOneWay(_ path: Span<UInt8>) -> Bool {
        guard isPlain(path), !path.hasEmptySegment, path.firstIndex(of: UInt8(ascii: ";")) == nil else { return false }
        var escape = path.firstIndex(of: UInt8(ascii: "%"))
        while let i = escape {
            // Plain, so that two digits follow. An overlong `/` begins with C0, E0 80 or F0 80.
            let (high, low) = (path[i + 1], path[i + 2])
            guard high < UInt8(ascii: "a"), low < UInt8(ascii: "a") else { return false }
            if high == UInt8(ascii: "C"), low < UInt8(ascii: "2") { return false }
            if high >= UInt8(ascii: "E"), low == UInt8(ascii: "0"), path.count - i > 4,
                path[i + 4] == UInt8(ascii: "8") || (high == UInt8(ascii: "E") && path[i + 4] == UInt8(ascii: "9"))
            {
                return false
            }
            escape = path.firstIndex(of: UInt8(ascii: "%"), from: i + 3)
        }
        return true
    }

    /// Whether a path is the root or below it. Refuses paths that servers read in different ways.
    private func isBelow(_ path: Span<UInt8>) -> Bool {
        let root = pathBytes
        guard Self.isPlain(path) else { return false }
        if root.count == 1 { return true }
        guard path.count >= root.count, path.extracting(0..<root.count).hasSameBytes(as: root.span) else {
            return false
        }
        return path.count == root.count || path[root.count] == UInt8(ascii: "/")
    }

    /// Whether there are no segments `.` and `..` (also before a `;`), and no escapes of characters that need none or
    /// change structure.
    private static func isPlain(_ path: Span<UInt8>) -> Bool {
        var start = 0
        var i = 0
        while i <= path.count {
            if i == path.count || path[i] == UInt8(ascii: "/") || path[i] == UInt8(ascii: ";") {
                let isDots = i > start && i - start <= 2 && path[start] == 46 && path[i - 1] == 46
                if isDots { return false }
                start = i + 1
            } else if path[i] == UInt8(ascii: "%") {
                guard path.count - i > 2, let high = IPAddress.hexDigit(path[i + 1]),
                    let low = IPAddress.hexDigit(path[i + 2]), needsEscape(high << 4 | low)
                else { return false }
            }
            i += 1
        }
        return true
    }

    private static func needsEscape(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x00...0x1F, 0x7F, UInt8(ascii: "/"), UInt8(ascii: "\\"), UInt8(ascii: "%"), UInt8(ascii: ";"),
            UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            false
        default: true
        }
    }

    /// The parts present, as written in tokens.
    var members: JSONTree.Members {
        var members: JSONTree.Members = [:]
        if let schemes { members["schemes"] = .array(schemes.map { .string($0) }) }
        if let hosts { members["hosts"] = .array(hosts.map { .string($0.text) }) }
        if let ports { members["ports"] = .array(ports.map { .int($0) }) }
        if let path { members["path"] = .string(path) }
        return members
    }

    static func defaultPort(of scheme: Span<UInt8>) -> Int? {
        if scheme.isASCIICaseInsensitively("https") || scheme.isASCIICaseInsensitively("wss") { return 443 }
        if scheme.isASCIICaseInsensitively("http") || scheme.isASCIICaseInsensitively("ws") { return 80 }
        return nil
    }

    /// Whether every URI that matches `child` matches this: part by part.
    func subsumes(_ child: URIPattern, within work: inout WorkBudget) -> Bool {
        guard work.spend(8 + 16 * ((child.schemes?.count ?? 0) + (child.ports?.count ?? 0))) else { return false }
        if let schemes {
            // Both are sorted, without duplicates.
            guard let theirs = child.schemes, Self.isSubset(theirs.map(\.exact), of: schemes.map(\.exact)) else {
                return false
            }
        }
        if let hosts {
            guard let theirs = child.hosts else { return false }
            for host in theirs {
                guard HostPattern.isAny(of: hosts, above: host, within: &work) else { return false }
            }
        }
        if let ports { guard let theirs = child.ports, Self.isSubset(theirs, of: ports) else { return false } }
        guard path != nil else { return true }
        let theirs = child.pathBytes
        return child.path != nil && isBelow(theirs.span)
    }

    /// Whether a sorted list is in another.
    private static func isSubset<Element: Comparable>(_ few: [Element], of many: [Element]) -> Bool {
        var i = 0
        for element in few {
            while i < many.count, many[i] < element { i += 1 }
            guard i < many.count, many[i] == element else { return false }
        }
        return true
    }

    /// The intersection, part by part; `nil` if it is empty.
    func meet(_ other: URIPattern, within work: inout WorkBudget) -> URIPattern? {
        // Sorts hosts, ports and schemes again.
        guard work.spend(32 + 64 * (size + other.size)) else { return nil }
        func common<Element: Hashable>(_ a: [Element]?, _ b: [Element]?) -> [Element]? {
            guard let a, let b else { return a ?? b }
            let known = Set(b)
            return a.filter { known.contains($0) }
        }
        var hosts = self.hosts ?? other.hosts
        if let own = self.hosts, let theirs = other.hosts {
            hosts = []
            for host in own where HostPattern.isAny(of: theirs, above: host, within: &work) { hosts?.append(host) }
            for host in theirs where HostPattern.isAny(of: own, above: host, within: &work) { hosts?.append(host) }
        }
        var path = self.path ?? other.path
        if self.path != nil, other.path != nil {
            let (own, theirs) = (pathBytes, other.pathBytes)
            path = isBelow(theirs.span) ? other.path : other.isBelow(own.span) ? self.path : nil
            guard path != nil else { return nil }
        }
        return URIPattern(
            schemes: common(schemes?.map(\.exact), other.schemes?.map(\.exact))?.map(\.string), hosts: hosts,
            ports: common(ports, other.ports), path: path)
    }

    static func == (a: URIPattern, b: URIPattern) -> Bool {
        a.schemes?.map(\.exact) == b.schemes?.map(\.exact) && a.hosts == b.hosts && a.ports == b.ports
            && a.path?.exact == b.path?.exact
    }
}

/// A host as a `uri` constraint names it: a name, `*.` and a name for everything below it, or an address.
struct HostPattern: Sendable, Equatable {
    /// The text, in lower case; an IPv6 address is in brackets.
    let text: String
    private let name: [UInt8]
    private let isWildcard: Bool
    private let address: IPAddress?

    init?(_ text: String) {
        let bytes = Array(text.utf8)
        self.text = text
        if bytes.first == UInt8(ascii: "[") {
            guard bytes.last == UInt8(ascii: "]"), bytes.count > 2,
                let address = IPAddress(version6: bytes.span.extracting(1..<bytes.count - 1))
            else { return nil }
            (self.address, name, isWildcard) = (address, [], false)
            return
        }
        isWildcard = text.utf8.starts(with: "*.".utf8)
        // A wildcard keeps its dot: `*.acme.example` matches names that end in `.acme.example`.
        name = isWildcard ? Array(bytes.dropFirst()) : bytes
        let labels = isWildcard ? Array(bytes.dropFirst(2)) : bytes
        guard let last = HierarchicalURI.lastLabel(labels.span, 0..<labels.count),
            !labels.contains(where: { (65...90).contains($0) })
        else { return nil }
        if HierarchicalURI.isNumber(labels.span.extracting(last)) {
            guard !isWildcard, let address = IPAddress(version4: labels.span) else { return nil }
            self.address = address
        } else {
            address = nil
        }
    }

    func matches(_ host: Span<UInt8>, _ hostAddress: IPAddress?) -> Bool {
        if address != nil || hostAddress != nil { return address == hostAddress }
        let name = name
        guard isWildcard else { return host.isASCIICaseInsensitively(name.span) }
        guard host.count > name.count else { return false }
        return host.extracting(host.count - name.count..<host.count).isASCIICaseInsensitively(name.span)
    }

    /// Whether a URI's host may be one that this names: as `matches`, and by an IPv4 address in an IPv6 one.
    func mayBe(_ host: Span<UInt8>, _ hostAddress: IPAddress?) -> Bool {
        guard let address, let hostAddress else { return matches(host, hostAddress) }
        return address.mayBe(hostAddress)
    }

    func subsumes(_ other: HostPattern) -> Bool {
        if address != nil || other.address != nil { return address == other.address }
        if other.isWildcard, !isWildcard { return false }
        if isWildcard, other.isWildcard { return other.name.suffix(name.count) == name[...] }
        let theirs = other.name
        return matches(theirs.span, nil)
    }

    static func == (a: HostPattern, b: HostPattern) -> Bool { a.subsumes(b) && b.subsumes(a) }
}

extension HostPattern {
    /// Each host once, by its text; of several spellings of one address, the first in their order.
    static func sorted(_ hosts: [HostPattern]) -> [HostPattern] {
        var seen: Set<ExactText> = []
        var addresses: Set<IPAddress> = []
        return hosts.inOrder { $0.text.isBefore($1.text) }.filter { host in
            host.address.map { addresses.insert($0).inserted } ?? seen.insert(host.text.exact).inserted
        }
    }

    /// Whether one of some sorted hosts is this one or above it. Looks up the host's own text first.
    static func isAny(of hosts: [HostPattern], above host: HostPattern, within work: inout WorkBudget) -> Bool {
        guard work.spend(64) else { return false }
        var (low, high) = (0, hosts.count)
        while low < high {
            let middle = low + (high - low) / 2
            if hosts[middle].text.isSame(as: host.text) { return true }
            if hosts[middle].text.isBefore(host.text) { low = middle + 1 } else { high = middle }
        }
        // `*` sorts before any first character of a name; only an IPv6 address has more than one spelling.
        for other in hosts {
            guard other.isWildcard || host.address != nil, work.spend(4) else { return false }
            if other.subsumes(host) { return true }
        }
        return false
    }
}

extension Span where Element == UInt8 {
    /// Whether this equals `text`, which must be lower-case, ignoring the case of ASCII letters.
    func isASCIICaseInsensitively(_ text: String) -> Bool { text.withUTF8Span { isASCIICaseInsensitively($0) } }

    func isASCIICaseInsensitively(_ text: borrowing Span<UInt8>) -> Bool {
        guard count == text.count else { return false }
        for i in indices {
            let byte = self[i]
            guard ((65...90).contains(byte) ? byte | 0x20 : byte) == text[i] else { return false }
        }
        return true
    }
}
