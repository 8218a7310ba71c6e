#if SPIFFE
    internal import AgentID
    internal import FoundationEssentials
    internal import JOSE
    internal import StrictJSON
    internal import SwiftASN1
    internal import X509

    /// The keys of an issuer in a directory: one file that only its owner reads, replaced as a whole; the same file that
    /// Python's issuer has. Its calls wait for the disk.
    final class IssuerStore: Sendable {
        private let domain: TrustDomain
        private let file: String
        private let lock: String
        private let passphrase: Passphrase?
        /// The file's content when it was read or written here last, and how it looked then.
        private let seen = Locked<(look: FileLook?, state: IssuerState)?>(nil)

        init(_ directory: String, of domain: TrustDomain, _ passphrase: Passphrase?) throws(AgentIDError) {
            (self.domain, self.passphrase) = (domain, passphrase)
            (file, lock) = ("\(directory)/x509.json", "\(directory)/x509.lock")
            try PrivateDirectory.make(directory)
        }

        /// Reads the state, or writes the first one where none was written.
        func open(_ first: () throws(AgentIDError) -> IssuerState) throws(AgentIDError) {
            try Files.withLock(lock) { () throws(AgentIDError) in
                if try Files.isPresent(file) { try take(read()) } else { try write(first()) }
            }
        }

        /// The present state: another process may have rotated.
        func state() throws(AgentIDError) -> IssuerState {
            let look = FileLook(file)
            if let seen = seen.withLock({ $0 }), seen.look == look, look != nil { return seen.state }
            let (state, found) = try read()
            try take((state, found))
            return state
        }

        /// Replaces the state by what `change` makes of it. No other process does so at the same time.
        func change(_ change: (IssuerState) throws(AgentIDError) -> IssuerState) throws(AgentIDError) {
            try Files.withLock(lock) { () throws(AgentIDError) in try write(change(read().state)) }
        }

        private func take(_ found: (state: IssuerState, look: FileLook?)) throws(AgentIDError) {
            seen.withLock { $0 = (found.look, found.state) }
        }

        private func read() throws(AgentIDError) -> (state: IssuerState, look: FileLook?) {
            // Before it is read: what is replaced meanwhile is read again at the next call.
            let look = FileLook(file)
            let kept: JSON
            do { kept = try JSON(parsing: try Files.read(file, isSecret: true)) } catch let error as AgentIDError {
                throw error
            } catch { throw damaged("\(error)") }
            guard let name = kept.root["trust_domain"]?.string else { throw damaged("it has no trust_domain") }
            guard name.isSame(as: domain.name) else {
                throw AgentIDError(
                    .state, name: "other_trust_domain", message: "\(file) is of the trust domain \(name), not \(domain)"
                )
            }
            guard let sequence = kept.root["sequence"]?.int, let active = kept.root["active"]?.int,
                let list = kept.root["signers"], list.kind == .array, (0..<list.count).contains(active), sequence >= 0
            else { throw damaged("sequence, active and signers are not what they should be") }
            var signers: [CertificateSigner] = []
            for each in list.elements { try signers.append(signer(each)) }
            return (IssuerState(signers: signers, active: active, sequence: sequence), look)
        }

        private func signer(_ json: JSON.Value) throws(AgentIDError) -> CertificateSigner {
            guard json.kind == .object, let certificate = json["certificate"]?.string, let key = json["key"]?.string
            else {
                throw damaged("a signer has a certificate and a key")
            }
            let (der, document) = try readingX509("\(file) is damaged", name: "issuer_file") {
                (try PEMDocument(pemString: certificate).derBytes, try PEMDocument(pemString: key))
            }
            let read = try CertificateRules.read(der)
            try CertificateRules.check(read, isAuthorityOf: domain)
            let opened = try SealedKey.open(document, passphrase)
            let signer = CertificateSigner(certificate: read, key: opened)
            guard read.publicKey == opened.publicKey else { throw damaged("a key is another than its certificate's") }
            return signer
        }

        private func write(_ state: IssuerState) throws(AgentIDError) {
            var signers: [JSONTree] = []
            for each in state.signers {
                let certificate = try readingX509("a certificate cannot be written") {
                    try each.certificate.serializeAsPEM().pemString
                }
                signers.append([
                    "certificate": .string(certificate + "\n"),
                    "key": .string(try SealedKey.document(of: each.key, passphrase).pemString + "\n"),
                ])
            }
            let document: JSONTree = [
                "trust_domain": .string(domain.name), "active": .int(state.active), "sequence": .int(state.sequence),
                "signers": .array(signers),
            ]
            try Files.replace(file, with: document.canonical().span)
            seen.withLock { $0 = (FileLook(file), state) }
        }

        private func damaged(_ how: String) -> AgentIDError {
            AgentIDError(.malformed, name: "issuer_file", message: "\(file) is damaged: \(how)")
        }
    }
#endif
