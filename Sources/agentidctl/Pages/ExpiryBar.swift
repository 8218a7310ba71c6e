/// A grant's lifetime drawn within its root's, with the present marked. Times in seconds since 1970.
struct ExpiryBar {
    /// The root's lifetime: the whole width.
    let whole: ClosedRange<Int>
    let now: Int

    /// `nil` if the root names no lifetime.
    init?(root: ChainLink?, now: Int) {
        guard let start = root?.issued, let end = root?.expires, start < end else { return nil }
        (whole, self.now) = (start...end, now)
    }

    /// The bar of one link, as a picture with its own text: shapes carry the meaning, not colours.
    func svg(of link: ChainLink) -> HTML {
        guard let start = link.issued, let end = link.expires, start < end else { return "" }
        let (from, to, present) = (position(start), position(end), position(now))
        let isOver = now >= end
        let past = max(min(present, to) - from, 0)
        let left = isOver ? "over" : "\(Int(((1 - share(of: start...end)) * 100).rounded())) % of it left"
        let part = Int(((to - from)).rounded())
        return """
            <svg class="life" width="100%" height="16" role="img" \
            aria-label="Lifetime: \(part) % of the root's, \(left)">
            <rect class="whole" x="0" y="5" width="100%" height="6" rx="3"/>
            <rect class="own" x="\(percent(from))" y="3" width="\(percent(to - from))" height="10" rx="3"/>
            <rect class="past" x="\(percent(from))" y="3" width="\(percent(past))" height="10" rx="3"/>
            <rect class="now" x="\(percent(min(present, 99.5)))" y="0" width="2" height="16"/>
            </svg>
            """
    }

    /// The fraction of a lifetime that is over.
    private func share(of life: ClosedRange<Int>) -> Double {
        (Double(now) - Double(life.lowerBound)) / (Double(life.upperBound) - Double(life.lowerBound))
    }

    /// The position in percent of the width; times outside are drawn at the ends.
    private func position(_ time: Int) -> Double {
        let length = Double(whole.upperBound) - Double(whole.lowerBound)
        return min(max((Double(time) - Double(whole.lowerBound)) / length, 0), 1) * 100
    }

    private func percent(_ value: Double) -> String { "\((value * 100).rounded() / 100)%" }
}
