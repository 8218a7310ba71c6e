internal import JOSE

extension Lifecycle {
    /// Runs `body` with the present signing key, and again if it failed while another process rotated.
    ///
    /// A statement signed by a retired key is refused when it is registered, in the same transaction: see
    /// ``Issuance/checkStillDue(in:)``.
    func withActiveKey<Result>(
        _ body: (PublicKey) throws(AgentIDError) -> Result
    ) throws(AgentIDError) -> Result {
        try keys.checkOpen()
        var attempts = 3
        while true {
            let active = try activeKey()
            attempts -= 1
            do throws(AgentIDError) { return try body(active) } catch {
                guard attempts > 0, try activeKey() != active else { throw error }
            }
        }
    }

    /// The signer of a key, waited for no longer than so many milliseconds.
    func boundedSigner(of key: PublicKey, within milliseconds: Int) throws(AgentIDError) -> any Signer {
        DeadlineSigner.wrap(try keys.signer(for: key), within: milliseconds, signing)
    }

    private func activeKey() throws(AgentIDError) -> PublicKey {
        let active = try registry.read { try $0.keys() }.first { $0.role == .active }
        guard let active else {
            throw AgentIDError(.malformed, name: "no_active_key", message: "the registry names no active key")
        }
        return active.key
    }
}

extension RegistryReader {
    /// Whether a key is the one that the authority signs with.
    func isActive(_ key: PublicKey) throws(AgentIDError) -> Bool {
        try keys().contains { $0.role == .active && $0.key == key }
    }
}
