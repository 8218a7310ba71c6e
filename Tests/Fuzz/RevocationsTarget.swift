import AgentID
import JOSE
import StrictJSON

/// Whatever comes as a signed list of revocations: it is refused, or takes in only what its domain signed.
///
/// An input is a token; or, after a `{`, claims that the authority signs, so that what stands after a signature is reached.
final class RevocationsTarget: FuzzTarget {
    private let key: SigningKey
    private let bundle: [UInt8]

    init() {
        do {
            key = try SigningKey.generate()
            var options = Authority.Options()
            (options.trustDomain, options.signer) = ("acme.example", key)
            bundle = Array(try Authority.open(directory: nil, options: options).bundle().utf8)
        } catch { fatalError("no authority: \(error)") }
    }

    func run(_ input: [UInt8]) {
        var token = input
        let isSigned = input.first == UInt8(ascii: "{")
        if isSigned {
            guard
                let made = try? CompactJWS.make(
                    type: "agentid-revocations+jwt", keyID: key.publicKey.thumbprint, payload: input,
                    sign: { message throws(JOSEError) in key.sign(message) })
            else { return }
            token = made
        }
        var options = Guard.Options()
        options.acceptsProofsWithoutAudience = true
        options.clock = CallbackClock { 1_790_000_000_000 }
        guard let guardian = try? Guard(options), (try? guardian.addBundle(bundle, for: "acme.example")) != nil else {
            fatalError("no guard")
        }
        do {
            let list = try guardian.loadRevocations(token)
            property(isSigned, "nothing is taken in that the authority did not sign")
            property(list.expires > 1_790_000_000 && list.issued < list.expires, "a list is good for a while")
            property(list.revocations.allSatisfy { !$0.value.isEmpty }, "a revocation names something")
            let endsItsKey = list.revocations.contains { $0.kind == .issuer }
            property(endsItsKey || (try? guardian.loadRevocations(token)) != nil, "a list that is held may come again")
        } catch {
            property(
                ["revocations", "revocations_size", "revocations_expired"].contains(error.name), "an error is named")
        }
    }
}
