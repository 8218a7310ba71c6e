#if SPIFFE
    internal import AgentID

    /// The Workload API's answers as protocol buffers. They are few and flat: no generated code.
    enum WorkloadMessages {
        /// `X509SVIDResponse`: one SVID with its key and its domain's bundle, and the bundles of other domains.
        static func svid(
            _ svid: X509SVID, own: X509Bundle, federated: [X509Bundle]
        ) throws(AgentIDError) -> [UInt8] {
            let fields = [
                Array(svid.spiffeID.description.utf8), Array(svid.certificates.joined()), try svid.keyDER(), own.der(),
            ]
            var message: [UInt8] = []
            for (i, bytes) in fields.enumerated() { append(i + 1, bytes, to: &message) }
            var response: [UInt8] = []
            append(1, message, to: &response)
            append(3, federated, to: &response)
            return response
        }

        /// `X509BundlesResponse`: bundles by trust domain.
        static func bundles(_ bundles: [X509Bundle]) -> [UInt8] {
            var response: [UInt8] = []
            append(2, bundles, to: &response)
            return response
        }

        /// A map of bundles: each entry is a message of key and value.
        private static func append(_ field: Int, _ bundles: [X509Bundle], to message: inout [UInt8]) {
            for bundle in bundles {
                var entry: [UInt8] = []
                append(1, Array(bundle.trustDomain.issuer.utf8), to: &entry)
                append(2, bundle.der(), to: &entry)
                append(field, entry, to: &message)
            }
        }

        /// A field of text, bytes or a message: its tag, its length, itself.
        private static func append(_ field: Int, _ bytes: [UInt8], to message: inout [UInt8]) {
            append(varint: field << 3 | 2, to: &message)
            append(varint: bytes.count, to: &message)
            message += bytes
        }

        private static func append(varint number: Int, to message: inout [UInt8]) {
            var rest = number
            while rest > 0x7F {
                message.append(UInt8(rest & 0x7F | 0x80))
                rest >>= 7
            }
            message.append(UInt8(rest))
        }
    }
#endif
