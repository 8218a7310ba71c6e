internal import Scopes
internal import StrictJSON

extension Denial {
    /// A refusal of the leaf's scope.
    init(_ refusal: Refusal, tool: String, link: Int) {
        let place = refusal.argument.map { "arguments.\($0.beginning(atMost: Refusal.longestName))" } ?? "tool"
        self.init(
            refusal.reason.rawValue, refusal.explanation(tool: tool), link: link, call: place,
            argument: refusal.argument)
    }
}
