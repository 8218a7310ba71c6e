package import StrictJSON

/// The amount that may be spent: exact, of one unit, for one subject.
package struct Budget: Sendable {
    /// E.g. `usd`.
    package let unit: ExactText
    /// The number of digits after the point that the unit has.
    package let scale: Int
    package let limit: Amount
    /// In milliseconds; `nil` for all of the subject's life.
    package let period: Int64?
    package let subject: Subject
    package let cost: Cost
    /// The cost of a call that failed, where nobody tells it.
    package let onFailure: OnFailure

    /// The cost of one call.
    package enum Cost: Sendable {
        /// The value of this argument of the call.
        case argument(ExactText)
        case fixed(Amount)
    }

    /// The cost of a call; throws if its argument is missing, or is not such an amount.
    ///
    /// - Parameter rounds: whether what is finer than the scale is rounded up, and not refused.
    package func cost(of call: JSON.Value, roundingUp rounds: Bool = false) throws(Amount.Fault) -> Amount {
        switch cost {
        case .fixed(let amount): return amount
        case .argument(let name):
            guard let value = call[name.string] else { throw .notDecimal }
            return try Amount(value, scale: scale, roundingUp: rounds)
        }
    }

    init(parsing json: JSON.Value, at path: String) throws(PolicyError) {
        let reader = try MemberReader(
            json, at: path, knowing: ["unit", "scale", "cost", "limit", "per", "for", "on_failure"])
        unit = try MemberReader.name(
            try reader.need("unit", remedy: "name what is spent, e.g. \"usd\""), at: reader.path(of: "unit"),
            of: "a unit"
        ).exact
        let limit = try reader.text("limit", remedy: "write a decimal text such as \"5.00\"", atMost: 64)
        scale =
            try reader["scale"] == nil
            ? Self.digitsAfterPoint(limit) : Int(reader.integer("scale", in: 0...Int64(PolicyLimits.scale)))
        guard scale <= PolicyLimits.scale else {
            throw PolicyError(
                "limit_exceeded", at: reader.path(of: "limit"), "this has \(scale) digits after the point",
                remedy: "write at most \(PolicyLimits.scale)", position: reader["limit"]?.position)
        }
        self.limit = try Self.amount("limit", of: reader, scale: scale)
        period = try reader["per"] == nil ? nil : reader.duration("per")
        subject = try reader.choice("for", else: Subject.task)
        onFailure = try reader.choice("on_failure", else: OnFailure.refund)
        let cost = try MemberReader(
            try reader.need("cost", remedy: "say what a call costs: {\"argument\": \"usd\"} or {\"fixed\": \"0.01\"}"),
            at: reader.path(of: "cost"), knowing: ["argument", "fixed"])
        switch (cost["argument"], cost["fixed"]) {
        case (.some, nil):
            self.cost = .argument(try cost.text("argument", remedy: "name an argument of the call", atMost: 256).exact)
        case (nil, .some): self.cost = .fixed(try Self.amount("fixed", of: cost, scale: scale))
        case (.some, .some), (nil, nil):
            throw cost.error("malformed", "a cost is told in one way", remedy: "write either argument or fixed")
        }
    }

    /// The unit and the scale of a budget as it is written, whether or not the rest of it can be read.
    package static func scale(of json: JSON.Value?) -> (unit: ExactText, scale: Int)? {
        guard let json, let unit = json["unit"]?.string?.exact else { return nil }
        if let scale = json["scale"]?.int { return (unit, scale) }
        return json["limit"]?.string.map { (unit, digitsAfterPoint($0)) }
    }

    private static func digitsAfterPoint(_ text: String) -> Int {
        text.utf8.firstIndex(of: UInt8(ascii: ".")).map { text.utf8.distance(from: $0, to: text.utf8.endIndex) - 1 }
            ?? 0
    }

    private static func amount(_ name: String, of reader: MemberReader, scale: Int) throws(PolicyError) -> Amount {
        let remedy = "write a decimal text with at most \(scale) digits after the point, such as \"5.00\""
        let value = try reader.need(name, remedy: remedy)
        guard value.kind == .string else {
            throw PolicyError(
                "malformed", at: reader.path(of: name), "this is not a text", remedy: remedy, position: value.position)
        }
        do throws(Amount.Fault) { return try Amount(value, scale: scale) } catch {
            let message =
                switch error {
                case .notDecimal: "this is not a decimal"
                case .tooFine: "this has more digits after the point than the scale, \(scale)"
                case .tooLarge: "this is too large: it does not fit 64 bits"
                }
            throw PolicyError(
                "malformed", at: reader.path(of: name), message, remedy: remedy, position: value.position)
        }
    }
}
