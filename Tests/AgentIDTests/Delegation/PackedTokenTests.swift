import JOSE
import Testing

@testable import AgentID

/// What is packed comes back to the byte, or not at all.
@Suite struct PackedTokenTests {
    private func token(_ n: Int) -> String {
        func part(_ text: String) -> String { Base64URL.encode(bytes(text)) }
        let head = part(#"{"alg":"EdDSA","kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k","typ":"aat+jwt"}"#)
        let body = part(
            #"{"aud":"acme.example","exp":17900000\#(n),"jti":"018f-\#(n)","scope":{"read_file":{"path":"/data/q\#(n)"}},"#
                + #""principal":"user:p\#(n)@acme.example","owner":"team:research@acme.example","task":"review"}"#)
        return "\(head).\(body).\(Base64URL.encode((0..<64).map { UInt8(truncatingIfNeeded: $0 &* (n &+ 7)) }))"
    }

    @Test func whatIsPackedComesBackToTheByte() throws {
        let sample = PackedToken.Sample(number: 3, bytes: PackedToken.sampled(token(1)))
        var texts = (0..<50).map { token($0) } + ["", ".", "~", "a.b~c", "é.ü", token(1) + "~" + token(2) + "~"]
        texts.append(String(repeating: "A", count: 5000))
        // A last digit that base64url must not have, and padding: kept as they stand.
        texts += [token(4) + "B", token(5) + "=", token(6) + ".AB"]
        for text in texts {
            let packed = PackedToken.pack(text, sample)
            #expect(packed.count <= max(text.utf8.count, 1))
            let back = PackedToken.unpack(packed, PackedToken.sample(of: packed) == nil ? [] : sample.bytes)
            #expect(back.map { Array($0.utf8) } == Array(text.utf8))
        }
        #expect(PackedToken.pack(token(9), sample).count * 3 < token(9).utf8.count)
    }

    @Test func damageIsFoundOrChangesTheTextAndNeverTraps() {
        let sample = PackedToken.Sample(number: 1, bytes: PackedToken.sampled(token(1)))
        let packed = PackedToken.pack(token(2) + "~" + token(3), sample)
        for i in packed.indices {
            for value in [0, 1, 0x7F, 0x80, 0xFF] as [UInt8] {
                var damaged = packed
                damaged[i] = value
                _ = PackedToken.unpack(damaged, sample.bytes)
            }
            _ = PackedToken.unpack(Array(packed[..<i]), sample.bytes)
            _ = PackedToken.unpack(packed, Array(sample.bytes.prefix(i)))
        }
        #expect(PackedToken.unpack([1, 0xFF, 0xFF], []) == nil)
        #expect(PackedToken.unpack([1, 1, 3, 0x7F], []) == nil)
    }
}
