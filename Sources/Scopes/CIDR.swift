internal import JOSE

/// The `cidr` constraint: an IPv4 or IPv6 literal inside one of some networks (RFC 4632, RFC 4291 section 2.3).
struct CIDR: Sendable, Equatable {
    /// One network, e.g. `10.0.0.0/8`; no bit behind the prefix is set.
    struct Network: Sendable, Equatable {
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
            self.init(text: text, isVersion6: address.isVersion6, bits: address.bits, prefix: prefix)
            guard address.bits & host == 0 else { return nil }
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
        /// The bits behind the prefix, set.
        private var host: UInt128 { prefix == width ? 0 : UInt128.max >> UInt128(128 - (width - prefix)) }

        func contains(_ address: IPAddress) -> Bool {
            address.isVersion6 == isVersion6 && address.bits & ~host == bits
        }

        func contains(_ other: Network) -> Bool {
            other.isVersion6 == isVersion6 && prefix <= other.prefix && other.bits & ~host == bits
        }

        /// The network that this and `other` are the halves of; `nil` where they are none.
        fileprivate func joined(with other: Network) -> Network? {
            guard isVersion6 == other.isVersion6, prefix == other.prefix, prefix > 0 else { return nil }
            let bit = UInt128(1) << UInt128(width - prefix)
            guard bits | bit == other.bits, bits & bit == 0 else { return nil }
            return Network(text: "", isVersion6: isVersion6, bits: bits, prefix: prefix - 1)
        }

        fileprivate static func < (a: Network, b: Network) -> Bool {
            (a.isVersion6 ? 1 : 0, a.bits, a.prefix) < (b.isVersion6 ? 1 : 0, b.bits, b.prefix)
        }

        static func == (a: Network, b: Network) -> Bool { a.contains(b) && b.contains(a) }
    }

    /// As they were written, each once.
    let networks: [Network]
    /// The same addresses in as few networks as can be, sorted: none in another, no two halves of one.
    private let merged: [Network]

    init(networks: [Network]) {
        let sorted = networks.sorted { $0 < $1 }
        var merged: [Network] = []
        for network in sorted {
            if let last = merged.last, last.contains(network) { continue }
            merged.append(network)
            while merged.count > 1, let whole = merged[merged.count - 2].joined(with: merged[merged.count - 1]) {
                merged.removeLast(2)
                merged.append(whole)
            }
        }
        self.merged = merged
        var seen: [Network] = []
        for network in sorted where seen.last.map({ $0 == network }) != true { seen.append(network) }
        self.networks = seen.count == networks.count ? networks : seen
    }

    /// `nil` where one of the texts is no network.
    init?(_ texts: [String]) {
        let networks = texts.compactMap { Network($0) }
        guard networks.count == texts.count, !networks.isEmpty else { return nil }
        self.init(networks: networks)
    }

    func contains(_ text: Span<UInt8>) -> Bool {
        guard let address = IPAddress(text) else { return false }
        return candidate(address.isVersion6, address.bits)?.contains(address) ?? false
    }

    /// The only one of the merged networks that can hold an address: the last that starts at or before it.
    private func candidate(_ isVersion6: Bool, _ bits: UInt128) -> Network? {
        var (low, high) = (0, merged.count)
        while low < high {
            let middle = low + (high - low) / 2
            let starts = (merged[middle].isVersion6 ? 1 : 0, merged[middle].bits) <= (isVersion6 ? 1 : 0, bits)
            if starts { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? merged[low - 1] : nil
    }

    private func contains(_ network: Network) -> Bool {
        candidate(network.isVersion6, network.bits)?.contains(network) ?? false
    }

    /// Whether every address of `child` is one of ours, also where only several of our networks together hold it.
    func contains(_ child: CIDR) -> Bool { child.merged.allSatisfy { contains($0) } }

    /// The intersection; `nil` where it is empty.
    func meet(_ other: CIDR) -> CIDR? {
        let both = networks.filter { other.contains($0) } + other.networks.filter { contains($0) }
        // The same set whichever side comes first.
        var sorted: [Network] = []
        for network in both.sorted(by: { $0 < $1 }) where sorted.last.map({ $0 == network }) != true {
            sorted.append(network)
        }
        return sorted.isEmpty ? nil : CIDR(networks: sorted)
    }

    static func == (a: CIDR, b: CIDR) -> Bool { a.merged == b.merged }
}
