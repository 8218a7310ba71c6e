#if SPIFFE
    internal import SwiftASN1

    /// `EncryptedPrivateKeyInfo` (RFC 5958, 3), of the one kind that is read and written here: PBES2 of PBKDF2 with HMAC-SHA-256
    /// and AES-256-CBC (RFC 8018, 6.2).
    struct EncryptedPrivateKeyInfo: DERParseable, DERSerializable {
        typealias Nodes = ASN1NodeCollection.Iterator

        let salt: [UInt8]
        let rounds: Int
        let iv: [UInt8]
        let bytes: [UInt8]

        init(salt: [UInt8], rounds: Int, iv: [UInt8], bytes: [UInt8]) {
            (self.salt, self.rounds, self.iv, self.bytes) = (salt, rounds, iv, bytes)
        }

        init(derEncoded node: ASN1Node) throws {
            self = try DER.sequence(node, identifier: .sequence) { nodes in
                let (salt, rounds, iv) = try Self.algorithm(.pbes2, &nodes) { nodes in
                    try Self.sequence(&nodes) { nodes in
                        let (salt, rounds) = try Self.algorithm(.pbkdf2, &nodes, Self.derivation)
                        return (salt, rounds, try Self.algorithm(.aes256CBC, &nodes, Self.octets))
                    }
                }
                return EncryptedPrivateKeyInfo(salt: salt, rounds: rounds, iv: iv, bytes: try Self.octets(&nodes))
            }
        }

        func serialize(into coder: inout DER.Serializer) throws {
            try coder.appendConstructedNode(identifier: .sequence) { coder in
                try Self.append(.pbes2, to: &coder) { coder in
                    try coder.appendConstructedNode(identifier: .sequence) { coder in
                        try Self.append(.pbkdf2, to: &coder) { coder in
                            try coder.appendConstructedNode(identifier: .sequence) { coder in
                                try coder.serialize(ASN1OctetString(contentBytes: salt[...]))
                                try coder.serialize(rounds)
                                try Self.append(.hmacSHA256, to: &coder) { try $0.serialize(ASN1Null()) }
                            }
                        }
                        try Self.append(.aes256CBC, to: &coder) {
                            try $0.serialize(ASN1OctetString(contentBytes: iv[...]))
                        }
                    }
                }
                try coder.serialize(ASN1OctetString(contentBytes: bytes[...]))
            }
        }

        private static func derivation(_ nodes: inout Nodes) throws -> ([UInt8], Int) {
            try sequence(&nodes) { nodes in
                let (salt, rounds) = (try octets(&nodes), try Int(derEncoded: &nodes))
                try algorithm(.hmacSHA256, &nodes) { _ = try ASN1Null(derEncoded: &$0) }
                return (salt, rounds)
            }
        }

        private static func octets(_ nodes: inout Nodes) throws -> [UInt8] {
            Array(try ASN1OctetString(derEncoded: &nodes).bytes)
        }

        private static func sequence<Result>(
            _ nodes: inout Nodes, _ body: (inout Nodes) throws -> Result
        ) throws -> Result {
            guard let node = nodes.next() else { throw ASN1Error.invalidASN1Object(reason: "a sequence is missing") }
            return try DER.sequence(node, identifier: .sequence, body)
        }

        /// An algorithm's identifier, which must be this one, and its parameters.
        private static func algorithm<Result>(
            _ wanted: ASN1ObjectIdentifier, _ nodes: inout Nodes, _ parameters: (inout Nodes) throws -> Result
        ) throws -> Result {
            try sequence(&nodes) { nodes in
                let found = try ASN1ObjectIdentifier(derEncoded: &nodes)
                guard found == wanted else {
                    throw ASN1Error.invalidASN1Object(reason: "the algorithm is \(found), not \(wanted)")
                }
                return try parameters(&nodes)
            }
        }

        private static func append(
            _ algorithm: ASN1ObjectIdentifier, to coder: inout DER.Serializer,
            _ parameters: (inout DER.Serializer) throws -> Void
        ) throws {
            try coder.appendConstructedNode(identifier: .sequence) { coder in
                try coder.serialize(algorithm)
                try parameters(&coder)
            }
        }
    }

    extension ASN1ObjectIdentifier {
        fileprivate static let pbes2: ASN1ObjectIdentifier = [1, 2, 840, 113_549, 1, 5, 13]
        fileprivate static let pbkdf2: ASN1ObjectIdentifier = [1, 2, 840, 113_549, 1, 5, 12]
        fileprivate static let hmacSHA256: ASN1ObjectIdentifier = [1, 2, 840, 113_549, 2, 9]
        fileprivate static let aes256CBC: ASN1ObjectIdentifier = [2, 16, 840, 1, 101, 3, 4, 1, 42]
    }
#endif
