internal import StrictJSON

/// The message from a holder to a guard for one call: its chain and the proof (AAT section 7.4).
///
/// As JSON: `{"aat_chain": [root, ..., leaf], "aat_pop": proof}`. Nothing in it is trusted until a guard has verified
/// it.
public struct Presentation: Sendable {
    /// The grants from the root to the holder's own, joined by `~`.
    public let chain: String
    /// The proof of one call.
    public let proof: String

    /// A chain as this library carries it, and a proof under it.
    public init(chain: String, proof: String) { (self.chain, self.proof) = (chain, proof) }

    /// Reads the object. Unknown members are ignored.
    ///
    /// - Throws: `presentation_malformed` if it is not this object; `input_too_long` over 1 MiB.
    public init(parsing json: [UInt8]) throws(AgentIDError) {
        guard json.count <= Self.most else {
            throw AgentIDError(
                .limit, name: "input_too_long", message: "a presentation has at most 1 MiB", at: "presentation")
        }
        let root: JSON.Value
        do throws(JSON.ParseError) {
            var limits = JSON.Limits(bytes: Self.most, depth: 32, values: 1 << 12)
            // Of members that are not known.
            limits.admitsInexactNumbers = true
            root = try JSON(parsing: json, limits: limits).root
        } catch { throw Self.malformed("it is not I-JSON: \(error)") }
        guard root.kind == .object else { throw Self.malformed("it is not an object") }
        guard let list = root["aat_chain"], list.kind == .array else {
            throw Self.malformed("aat_chain is missing or not an array", at: ".aat_chain")
        }
        guard list.count <= Limits.hardDepth + 1 else {
            throw Self.malformed("aat_chain has more than \(Limits.hardDepth + 1) grants", at: ".aat_chain")
        }
        var chain = ""
        for (i, element) in list.elements.enumerated() {
            // Within an element, the character that joins grants would make two of one.
            guard let token = element.string, !token.isEmpty, !token.utf8.contains(UInt8(ascii: "~")) else {
                throw Self.malformed("it is not one grant in compact form", at: ".aat_chain[\(i)]")
            }
            chain += i == 0 ? token : "~" + token
        }
        guard let proof = root["aat_pop"]?.string else {
            throw Self.malformed("aat_pop is missing or not a text", at: ".aat_pop")
        }
        self.init(chain: chain, proof: proof)
    }

    /// The object, in canonical form.
    public var json: String {
        let tokens = chain.isEmpty ? [] : chain.parts(at: UInt8(ascii: "~"), omittingEmpty: false)
        let tree: JSONTree = ["aat_chain": .array(tokens.map { .string($0) }), "aat_pop": .string(proof)]
        return tree.text
    }

    private static let most = 1 << 20

    private static func malformed(_ what: String, at place: String = "") -> AgentIDError {
        AgentIDError(.malformed, name: "presentation_malformed", message: what, at: "presentation" + place)
    }
}
