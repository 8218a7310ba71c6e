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

        /// The lower and the upper half; `nil` for a single address.
        fileprivate var halves: (Network, Network)? {
            guard prefix < width else { return nil }
            let upper = bits | 1 << UInt128(width - prefix - 1)
            return (
                Network(text: "", isVersion6: isVersion6, bits: bits, prefix: prefix + 1),
                Network(text: "", isVersion6: isVersion6, bits: upper, prefix: prefix + 1)
            )
        }

        static func == (a: Network, b: Network) -> Bool { a.contains(b) && b.contains(a) }
    }

    let networks: [Network]

    init(networks: [Network]) { self.networks = networks }

    /// `nil` where one of the texts is no network.
    init?(_ texts: [String]) {
        let networks = texts.compactMap { Network($0) }
        guard networks.count == texts.count, !networks.isEmpty else { return nil }
        self.networks = networks
    }

    func contains(_ text: Span<UInt8>) -> Bool {
        guard let address = IPAddress(text) else { return false }
        return networks.contains { $0.contains(address) }
    }

    /// Whether every address of `child` is one of ours, also where only several of our networks together hold it.
    func contains(_ child: CIDR) -> Bool {
        for network in child.networks {
            // Halved only where one of ours lies inside: at most 128 times for each of them.
            var rest = [network]
            while let part = rest.popLast() {
                if networks.contains(where: { $0.contains(part) }) { continue }
                guard networks.contains(where: { part.contains($0) }), let (low, high) = part.halves else {
                    return false
                }
                rest.append(low)
                rest.append(high)
            }
        }
        return true
    }

    /// The intersection; `nil` where it is empty.
    func meet(_ other: CIDR) -> CIDR? {
        var both: [Network] = []
        for own in networks {
            for theirs in other.networks {
                let common = own.contains(theirs) ? theirs : theirs.contains(own) ? own : nil
                if let common, !both.contains(common) { both.append(common) }
            }
        }
        // The same set whichever side comes first.
        both.sort { ($0.isVersion6 ? 1 : 0, $0.bits, $0.prefix) < ($1.isVersion6 ? 1 : 0, $1.bits, $1.prefix) }
        return both.isEmpty ? nil : CIDR(networks: both)
    }

    static func == (a: CIDR, b: CIDR) -> Bool {
        a.networks.allSatisfy { b.networks.contains($0) } && b.networks.allSatisfy { a.networks.contains($0) }
    }
}
