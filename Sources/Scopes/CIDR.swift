internal import StrictJSON

/// The `cidr` constraint: an IPv4 or IPv6 literal inside one of some networks (RFC 4632, RFC 4291 section 2.3).
struct CIDR: Sendable, Equatable {
    /// One network, e.g. `10.0.0.0/8`; no bit past the prefix is set.
    struct Network: Sendable {
        let text: String
        let isVersion6: Bool
        let bits: UInt128
        let prefix: Int

        init?(_ text: String) {
            let bytes = Array(text.utf8)
            guard let slash = bytes.firstIndex(of: UInt8(ascii: "/")),
                let address = IPAddress(bytes.span.extracting(0..<slash)),
                let prefix = Self.prefix(bytes[(slash + 1)...], atMost: address.width)
            else { return nil }
            (self.text, self.prefix) = (text, prefix)
            (isVersion6, bits) = (address.isVersion6, address.bits)
            guard address.bits & host == 0 else { return nil }
        }

        /// The IPv4 network that an IPv6 one stands for; `nil` where it stands for none, or for all of IPv4.
        fileprivate var image: Network? {
            guard isVersion6 else { return nil }
            let isSite = bits >> 112 == 0x2002
            let length = isSite ? min(prefix - 16, 32) : prefix - 96
            guard length > 0,
                let inner = IPAddress(bits: bits, isVersion6: true).version4(0)
            else { return nil }
            return Network(text: text, isVersion6: false, bits: inner, prefix: length)
        }

        private init(text: String, isVersion6: Bool, bits: UInt128, prefix: Int) {
            (self.text, self.isVersion6, self.bits, self.prefix) = (text, isVersion6, bits, prefix)
        }

        private static func prefix(_ digits: ArraySlice<UInt8>, atMost most: Int) -> Int? {
            guard (1...3).contains(digits.count), digits.count == 1 || digits.first != UInt8(ascii: "0") else {
                return nil
            }
            var value = 0
            for digit in digits {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
                value = value * 10 + Int(digit - UInt8(ascii: "0"))
            }
            return value <= most ? value : nil
        }

        private var width: Int { isVersion6 ? 128 : 32 }
        /// The bits past the prefix, set.
        private var host: UInt128 { prefix == width ? 0 : UInt128.max >> UInt128(128 - (width - prefix)) }

        fileprivate var range: AddressRange {
            AddressRange(isVersion6: isVersion6, first: bits, last: bits | host)
        }

        /// Lower addresses first; of two that start alike, the larger network.
        fileprivate static func precedes(_ a: Network, _ b: Network) -> Bool {
            (a.isVersion6 ? 1 : 0, a.bits, a.prefix) < (b.isVersion6 ? 1 : 0, b.bits, b.prefix)
        }
    }

    /// The networks as given, each once, none inside another, lower addresses first.
    let networks: [Network]
    /// Their addresses together: ranges in order, none adjacent to another.
    private let ranges: [AddressRange]
    /// The IPv4 addresses that those of IPv6 stand for.
    private let images: [AddressRange]

    private init(sorting networks: [Network]) {
        let (kept, ranges) = Self.ordered(networks)
        var inner: [Network] = []
        for network in kept { if let image = network.image { inner.append(image) } }
        (self.networks, self.ranges) = (kept, ranges)
        images = inner.isEmpty ? [] : Self.ordered(inner).ranges
    }

    private static func ordered(_ networks: [Network]) -> (kept: [Network], ranges: [AddressRange]) {
        var kept: [Network] = []
        var ranges: [AddressRange] = []
        // A network lies inside another or beside it, so comparing it with the last one kept is enough.
        for network in networks.inOrder(by: Network.precedes) {
            let range = network.range
            if let last = kept.last, last.range.holds(range) { continue }
            kept.append(network)
            if let last = ranges.last, last.isNext(to: range) {
                ranges[ranges.count - 1].last = range.last
            } else {
                ranges.append(range)
            }
        }
        return (kept, ranges)
    }

    /// `nil` if the list is empty, or if a text is not a network.
    init?(_ texts: [String]) {
        let networks = texts.compactMap { Network($0) }
        guard networks.count == texts.count, !networks.isEmpty else { return nil }
        self.init(sorting: networks)
    }

    func contains(_ text: Span<UInt8>) -> Bool {
        guard let address = IPAddress(text) else { return false }
        return Self.find(AddressRange(address.bits, isVersion6: address.isVersion6), in: ranges)
    }

    /// Whether a text is an address, and no IPv6 form of one of ours, or of which one is ours: `::ffff:169.254.169.254`.
    func canTell(_ text: Span<UInt8>) -> Bool {
        guard let address = IPAddress(text) else { return false }
        for way in 0..<IPAddress.ways {
            guard let inner = address.version4(way) else { continue }
            let plain = AddressRange(inner, isVersion6: false)
            if Self.find(plain, in: ranges) || Self.find(plain, in: images)
                || Self.find(AddressRange(0xFFFF << 32 | inner, isVersion6: true), in: ranges)
            {
                return false
            }
        }
        return true
    }

    private static func find(_ range: AddressRange, in ranges: [AddressRange]) -> Bool {
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = low + (high - low) / 2
            if ranges[middle].holds(range) { return true }
            if ranges[middle].starts(before: range) { low = middle + 1 } else { high = middle }
        }
        return false
    }

    /// Whether every address of `child` is in one of our networks, or in several of them together.
    func contains(_ child: CIDR) -> Bool { child.ranges.allSatisfy { Self.find($0, in: ranges) } }

    /// The intersection; `nil` if it is empty.
    func meet(_ other: CIDR) -> CIDR? {
        var both: [Network] = []
        var (i, j) = (0, 0)
        while i < networks.count, j < other.networks.count {
            let (own, theirs) = (networks[i], other.networks[j])
            if own.range.holds(theirs.range) {
                both.append(theirs)
                j += 1
            } else if theirs.range.holds(own.range) {
                both.append(own)
                i += 1
            } else if Network.precedes(own, theirs) {
                i += 1
            } else {
                j += 1
            }
        }
        return both.isEmpty ? nil : CIDR(sorting: both)
    }

    static func == (a: CIDR, b: CIDR) -> Bool { a.ranges == b.ranges }
}

/// Addresses from one to another, of one version.
private struct AddressRange: Sendable, Equatable {
    let isVersion6: Bool
    let first: UInt128
    var last: UInt128

    init(isVersion6: Bool, first: UInt128, last: UInt128) {
        (self.isVersion6, self.first, self.last) = (isVersion6, first, last)
    }

    /// One address.
    init(_ address: UInt128, isVersion6: Bool) { self.init(isVersion6: isVersion6, first: address, last: address) }

    func holds(_ other: AddressRange) -> Bool {
        isVersion6 == other.isVersion6 && first <= other.first && other.last <= last
    }

    func starts(before other: AddressRange) -> Bool {
        isVersion6 == other.isVersion6 ? first <= other.first : other.isVersion6
    }

    /// Whether `other` starts right after this ends.
    func isNext(to other: AddressRange) -> Bool {
        isVersion6 == other.isVersion6 && last != .max && last + 1 == other.first
    }
}
