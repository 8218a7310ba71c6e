internal import JOSE

/// A caller's signer with one deadline for everything it is to sign.
struct DeadlineSigner: Signer {
    private let signer: any Signer
    private let calls: BoundedCall
    private let deadline: Int64

    var publicKey: PublicKey { signer.publicKey }

    /// A key of the library's own is asked directly: it never waits.
    static func wrap(_ signer: any Signer, within milliseconds: Int, _ calls: BoundedCall) -> any Signer {
        signer is SigningKey
            ? signer
            : DeadlineSigner(
                signer: signer, calls: calls, deadline: MonotonicClock.milliseconds + Int64(milliseconds))
    }

    func sign(_ message: [UInt8]) throws -> [UInt8] {
        let left = Int(clamping: max(deadline - MonotonicClock.milliseconds, 0))
        let signer = signer
        let signed = calls.run(within: left) { Result { try signer.sign(message) } }
        guard let signed else { throw Self.timeout }
        return try signed.get()
    }

    static let timeout = AgentIDError(
        .signer, name: "signer_timeout",
        message: "the signer does not answer: look at what it waits for; it is asked again", at: "options.signer")
}
