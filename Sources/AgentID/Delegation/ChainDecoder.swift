internal import JOSE
public import StrictJSON

/// Shows the content of a chain WITHOUT verifying anything: for people and tools, never for decisions.
public enum ChainDecoder {
    /// The decoded chain as a document.
    public static func decode(_ chain: [UInt8]) throws(AgentIDError) -> JSONTree {
        guard chain.count <= Limits.chainSize else {
            throw AgentIDError(.limit, name: "chain_too_long", message: "a chain has at most 256 KiB", at: "chain")
        }
        var links: [JSONTree] = []
        for (i, token) in chain.split(separator: UInt8(ascii: "~"), omittingEmptySubsequences: false).enumerated() {
            guard i <= Limits.hardDepth else {
                throw AgentIDError(
                    .limit, name: "delegation_depth_exceeded", message: "more than 65 links", at: "chain[\(i)]")
            }
            do throws(JOSEError) {
                let jws = try CompactJWS(Array(token))
                links.append([
                    "header": .value(try jws.header().root), "claims": .value(try jws.payload().root),
                    "size": .int(token.count),
                ])
            } catch { throw AgentIDError(error, at: "chain[\(i)]") }
        }
        return ["verified": false, "links": .array(links)]
    }
}
