internal import StrictJSON

/// The names of people, teams and services: URIs.
enum URI {
    /// Refuses a text that is not a URI: it needs a scheme and something after it, without spaces or controls.
    static func check(_ text: String, at place: String) throws(AgentIDError) {
        guard text.utf8.count <= 2048 else {
            throw AgentIDError(
                .malformed, name: "uri", message: "a URI has at most 2048 bytes here, this one \(text.utf8.count)",
                at: place)
        }
        let parts = text.parts(at: UInt8(ascii: ":"), atMost: 2, omittingEmpty: false)
        let isURI =
            parts.count == 2 && !parts[1].isEmpty
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
            && (parts[0].utf8.first.map { $0 | 0x20 }.map { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }
                ?? false)
        guard isURI else {
            throw AgentIDError(
                .malformed, name: "uri",
                message: text.utf8.contains { $0 <= 0x20 || $0 >= 0x7F }
                    ? "a URI has no spaces and only ASCII: write others as %20 or %C3%A9"
                    : "a URI is needed here, e.g. user:alice@acme.example", at: place)
        }
    }
}
